#!/usr/bin/env bash
# What every pipeline does with the suite: find out whether the subject can be reached, show what will be sent, run,
# hold the result against a baseline and the run before, sign the evidence. Settings come from the environment.
#
#   CARNET_SUBJECT    subject.toml (default: subject.toml)
#   CARNET_OUT        folder for evidence and reports (default: carnet-result)
#   CARNET_FILTERS    filters, separated by blanks (default: every case)
#   CARNET_SAFETY     read-only | test-data | destructive (default: test-data)
#   CARNET_RATE       the most messages a second (default: no bound)
#   CARNET_BASELINE   baseline.toml (default: none)
#   CARNET_PREVIOUS   folder or run.json of an earlier run, to show what changed (default: none)
#   CARNET_SIGN_KEY   Ed25519 key, PEM, to sign the evidence with (default: not signed)
#   CARNET_MINIMUM    the least share of requirements that must be covered, as in MUST=90 (default: none)
#   CARNET            the program (default: carnet)
#
# Ends with the exit code of `carnet run`: 0 conforms, 1 fails, 2 wrong configuration, 3 not decided, 4 an error of the
# suite's own, 130 interrupted. A subject that cannot be reached ends with 3, a baseline with a stale row with 1.
set -euo pipefail

carnet=${CARNET:-carnet}
subject=${CARNET_SUBJECT:-subject.toml}
out=${CARNET_OUT:-carnet-result}
read -r -a filters <<<"${CARNET_FILTERS:-}"

options=(--subject "$subject" --safety "${CARNET_SAFETY:-test-data}")
if [ -n "${CARNET_RATE:-}" ]; then options+=(--rate "$CARNET_RATE"); fi

echo "== doctor"
"$carnet" doctor --subject "$subject"

echo "== plan"
"$carnet" plan "${filters[@]}" "${options[@]}"

echo "== run"
if [ -n "${CARNET_BASELINE:-}" ]; then options+=(--baseline "$CARNET_BASELINE"); fi
code=0
"$carnet" run "${filters[@]}" "${options[@]}" --out "$out" --replace --yes || code=$?

if [ -f "$out/run.json" ]; then
    if [ -n "${CARNET_PREVIOUS:-}" ] && [ -e "$CARNET_PREVIOUS" ]; then
        echo "== changed since the run before"
        # A difference is told, and decides nothing: the run itself and its baseline do.
        "$carnet" diff "$CARNET_PREVIOUS" "$out" || true
    fi
    if [ -n "${CARNET_SIGN_KEY:-}" ]; then
        echo "== bundle"
        "$carnet" bundle "$out" --key "$CARNET_SIGN_KEY" --out "$out.tar.gz"
    fi
    if [ -n "${CARNET_MINIMUM:-}" ]; then
        echo "== coverage"
        "$carnet" coverage "$out" --min "$CARNET_MINIMUM" || [ "$code" -ne 0 ] || code=$?
    fi
fi
exit "$code"

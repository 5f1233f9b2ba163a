#!/usr/bin/env bash
# Records raw HTTP exchanges of the phase4 client and server on plain HTTP, through a byte-keeping relay, into the folder that
# is named; the test keys that go with them are copied to its keys/. This is how fixtures/vectors/phase4 was made.
# Usage: capture.sh DIR
set -euo pipefail
. "$(dirname "$0")/lib.sh"
build
dir=$(realpath -m "${1:?usage: capture.sh DIR}")
cd "$here"
[ -d certs ] || ./make-certs.sh >&2
server_port=${SERVER_PORT:-18091}
relay_port=${RELAY_PORT:-18092}
mkdir -p "$dir/keys"
work=$(mktemp -d "${TMPDIR:-/tmp}/phase4-capture.XXXXXX")
server=
stop() { [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true; server=; }
trap 'stop; rm -rf "$work"' EXIT
serve() { # VAR=VALUE...
  stop
  : > "$work/server.out"
  # shellcheck disable=SC2086
  env PORT=$server_port MODE=http OUT="$work/in" TRUSTSTORE=certs/trust-full.p12 "$@" \
    java -Xmx512m $JAVA_LOG -cp "$CP" peer.Server > "$work/server.out" 2>> "$work/server.log" &
  server=$!
  until grep -q READY "$work/server.out"; do kill -0 $server; sleep 0.1; done
}
relay() { # name
  : > "$work/relay.out"
  java -Xmx64m -cp "$CP" peer.Tee $relay_port 127.0.0.1:$server_port "$dir/$1" > "$work/relay.out" &
  relay=$!
  until grep -q READY "$work/relay.out"; do kill -0 $relay; sleep 0.05; done
}
take() { # name, client options
  local name=$1 code=0; shift
  relay "$name"
  # shellcheck disable=SC2086
  java -Xmx512m $JAVA_LOG -cp "$CP" peer.Client --url "http://127.0.0.1:$relay_port/as4" \
    --keystore certs/blue.p12 --truststore certs/trust-full.p12 "$@" > "$work/client.out" 2>> "$work/client.log" || code=$?
  wait $relay || true
  printf '%s\texit %s\t%s\n' "$name" "$code" "$(tail -1 "$work/client.out")" | tee -a "$dir/verdicts.tsv"
}
raw() { # name, content type, body
  relay "$1"
  curl -s -o /dev/null -w "$1\\thttp %{http_code}\\n" -H "Content-Type: $2" --data-binary "$3" \
    "http://127.0.0.1:$relay_port/as4" | tee -a "$dir/verdicts.tsv"
  wait $relay || true
}
: > "$dir/verdicts.tsv"
printf '%%PDF-1.4\n%% a small stand-in for a document\n%%%%EOF\n' > "$work/document.pdf"
printf '\377\330\377\340\0\020JFIF\0\001\001\0\0\001\0\001\0\0\377\331' > "$work/photo.jpg"
head -8 sample.xml > "$work/small.xml"; echo '</Declaration>' >> "$work/small.xml"
small="--file $work/small.xml"

serve CHAIN=false
take 01-sign-x509v3 $small --chain off --gzip off
take 02-sign-x509v3-gzip --file sample.xml --chain off
serve CHAIN=true
take 03-sign-pkipath-gzip --file sample.xml
take 04-gzip-two-attachments $small --attach "$work/document.pdf,application/pdf,document.pdf@trader" \
  --attach "$work/photo.jpg,image/jpeg,photo.jpg@trader"
take 05-message-properties $small --property originalSender=C1 --property finalRecipient=C4
take 06-ping --ping
take 07-ping-with-payload $small --ping
take 08-duplicate-first $small --message-id duplicate-1@blue
take 09-duplicate-second $small --message-id duplicate-1@blue
take 10-unsigned-refused $small --no-sign
take 11-payload-changed $small --tamper payload
take 12-signature-changed $small --tamper signature
take 13-messaging-changed $small --tamper messaging
take 14-body-not-signed $small --tamper no-body
take 15-not-gzip $small --tamper bad-gzip
take 16-corrupt-gzip $small --tamper bad-gzip-body
take 17-cut-short $small --tamper truncate
take 18-pull-empty --pull
take 19-pull-unknown-mpc --pull --mpc urn:unknown
mpc=urn:fdc:ec.europa.eu:2019:eu_ics2_c2t/EORI/trader
curl -s -X POST "http://127.0.0.1:$server_port/peer/queue" --data-urlencode "mpc=$mpc" --data-urlencode "file=$work/small.xml"
take 20-pull-message-then-receipt --pull --mpc $mpc
raw 21-not-xml application/soap+xml 'hello'
raw 22-soap-without-messaging application/soap+xml '<S12:Envelope xmlns:S12="http://www.w3.org/2003/05/soap-envelope"><S12:Header/><S12:Body/></S12:Envelope>'
serve CHAIN=true TRUSTSTORE=certs/trust.p12
take 23-leaf-only-untrusted $small --chain off
take 24-other-ca $small --keystore certs/stranger.p12
take 25-expired $small --keystore certs/expired.p12
serve CHAIN=true PROFILE=cef
take 26-encrypted-rsa-oaep $small --profile cef --encrypt --encrypt-to certs/red.pem
serve PROFILE=edelivery2 KEYSTORE=certs/red-ed2.p12 KEY_ALIAS=red-ed25519 CRYPT_ALIAS=red-x25519
take 27-edelivery2-ed25519-signed $small --profile edelivery2 --keystore certs/blue-ed2.p12 --alias blue-ed25519
take 28-edelivery2-ed25519-x25519 $small --profile edelivery2 --keystore certs/blue-ed2.p12 --alias blue-ed25519 --encrypt \
  --encrypt-to certs/red-x25519.pem
cp certs/{blue,red,stranger,expired}{.key,-chain.pem} certs/{blue,red}-{ed25519,x25519}{.key,-chain.pem} certs/root.pem certs/inter.pem "$dir/keys/"

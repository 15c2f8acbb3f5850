#!/bin/sh
# Writes an authority and one certificate for these host names, for trying compose.secured.yaml on one machine; a
# deployment gets its certificates from its own authority. Usage: certificates.sh FOLDER NAME...
set -eu
folder=$1
shift
mkdir -p "$folder"
cd "$folder"
names=
for name in "$@"; do names="$names,DNS:$name"; done
openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=Paidan example authority" -keyout ca.key -out ca.pem
openssl req -newkey rsa:3072 -nodes -subj "/CN=$1" -addext "subjectAltName=${names#,}" -keyout key.pem -out cert.csr
openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -copy_extensions copy -out cert.pem
cat key.pem cert.pem > keystore.pem
chmod 600 ca.key
# Containers read them under users of their own.
chmod 644 key.pem keystore.pem

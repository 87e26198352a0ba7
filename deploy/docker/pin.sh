#!/bin/sh
# Adds to every image of compose.yml and Dockerfile the digest that its registry has for it now: name:version@sha256:...
# A digest that stands there already is replaced, so after a change of version run it again. Needs docker with buildx
# and the registries. Own images (kkt-adapter) and stages of the Dockerfile have no version and stay as they are.
set -eu
cd "$(dirname "$0")"
images=$(sed -nE 's/^ *image: *([^@ ]+:[^@ ]+).*/\1/p; s/^FROM ([^@ ]+:[^@ ]+).*/\1/p' compose.yml Dockerfile | sort -u)
for image in $images; do
    digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$image")
    case $digest in
    sha256:????????????????????????????????????????????????????????????????) ;;
    *)
        echo "The registry gave no digest for $image: $digest" >&2
        exit 1
        ;;
    esac
    for file in compose.yml Dockerfile; do
        sed -E "s#^( *image: *|FROM )$image(@sha256:[0-9a-f]+)?( |\$)#\1$image@$digest\3#" "$file" >"$file.new"
        cat "$file.new" >"$file"
        rm "$file.new"
    done
    echo "$image@$digest"
done

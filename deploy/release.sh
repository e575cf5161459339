#!/usr/bin/env bash
# Makes a release of the state that is checked out, into out/release: the package, the Helm chart, the plain manifests,
# the list of everything inside (SBOM, CycloneDX and SPDX) and the checksums; with Docker the image as well.
#
#   deploy/release.sh            lint, types and all tests first
#   deploy/release.sh --no-check for a state that was tested already
#
# It publishes nothing. docs/upgrading.md says what the numbers of a version promise.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
check=yes
case "${1-}" in
  '') ;;
  --no-check) check=no ;;
  *) echo "release.sh takes --no-check or nothing; received $1" >&2; exit 2 ;;
esac

fail() { echo "no release: $1" >&2; exit 1; }

version=$(node -p 'require("./package.json").version')
[ -z "$(git status --porcelain)" ] || fail "there are changes that are not committed; commit them or put them away"
grep -q "^## \[$version\]" CHANGELOG.md || fail "CHANGELOG.md has no section [$version]; move what is under [Unreleased] there"
grep -q "^appVersion: $version$" deploy/helm/indicator-feed-server/Chart.yaml || fail "Chart.yaml is of another version than package.json ($version)"

npm ci --no-audit --no-fund
if [ "$check" = yes ]; then npm run check; fi
rm -rf dist out/release
mkdir -p out/release
npm run build
npm pack --pack-destination out/release
# npm calls what it is about by the name of the folder.
npm sbom --package-lock-only --omit dev --sbom-format cyclonedx --sbom-type application | node -e '
  const bom = JSON.parse(require("node:fs").readFileSync(0, "utf8"))
  bom.metadata.component.name = require("./package.json").name
  console.log(JSON.stringify(bom, null, 2))' >out/release/sbom.cdx.json
npm sbom --package-lock-only --omit dev --sbom-format spdx --sbom-type application >out/release/sbom.spdx.json
# The same bytes whenever it is made of the same commit.
at=$(git log -1 --format=%ct)
tar --directory deploy/helm --sort=name --mtime="@$at" --owner=0 --group=0 --numeric-owner \
  --create indicator-feed-server | gzip --no-name >"out/release/indicator-feed-server-chart-$version.tgz"
cp deploy/kubernetes/indicator-feed-server.yaml "out/release/indicator-feed-server-$version.yaml"
# A client without its daemon or without buildx makes no image either.
if docker buildx inspect --bootstrap >/dev/null 2>&1; then
  # Attestations of what is in it and how it was made need BuildKit's own builder.
  docker buildx build --sbom=true --provenance=mode=max --tag "indicator-feed-server:$version" \
    --output "type=oci,dest=out/release/indicator-feed-server-$version.oci.tar" .
else
  echo "no Docker with buildx that runs here: no image was made" >&2
fi
(cd out/release && sha256sum -- * >SHA256SUMS)
echo "release $version is in out/release"

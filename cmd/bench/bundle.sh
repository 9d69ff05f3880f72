#!/usr/bin/env bash
# Builds what it takes to measure and test another machine of the same system and
# architecture, on which there is no Go:
#
#   bash cmd/bench/bundle.sh [FOLDER]        default: dist/bench
#
# which it also packs into FOLDER.tar.gz. There, from FOLDER, on two of its cores:
#
#   taskset -c 0,1 ./fragua doctor
#   (cd model/kernel && ./kernel.test -test.short)          and tensor, train, model likewise
#   (cd model/kernel && taskset -c 0,1 ./kernel.test -test.run '^$' -test.bench .)
#   taskset -c 0,1 ./fragua bench train --preset a
#   taskset -c 0,1 ./bench train --python python3 --preset a --threads 2
set -eu
cd "$(dirname "$0")/../.."
out=${1:-dist/bench}
mkdir -p "$out"
export CGO_ENABLED=0
go build -trimpath -ldflags='-s -w' -o "$out/" ./cmd/fragua ./cmd/bench
for package in model/kernel model/tensor model/train model; do
  mkdir -p "$out/$package"
  go test -c -trimpath -ldflags='-s -w' -o "$out/$package/$(basename "$package").test" "./$package"
  if [ -d "$package/testdata" ]; then
    rm -rf "$out/$package/testdata"
    cp -r "$package/testdata" "$out/$package/"
  fi
done
tar -czf "$out.tar.gz" -C "$out" .
du -sh "$out" "$out.tar.gz"

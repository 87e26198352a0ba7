#!/bin/sh
# Sell, repeat the call as after a lost answer, read the receipt back, close the shift.
#   sh curl.sh http://127.0.0.1:8000 POS-001
set -eu
url=$1
pos=$2
key=$(cat /proc/sys/kernel/random/uuid)

sell() {
    curl -sS --fail-with-body -X POST "$url/v1/kkt/receipt" \
        -H "Content-Type: application/json" -H "Idempotency-Key: $key" \
        -d "{\"pos_id\": \"$pos\", \"type\": \"sale\",
             \"items\": [{\"name\": \"Чай\", \"price\": \"19.99\", \"quantity\": 1}],
             \"payments\": [{\"type\": \"cash\", \"amount\": \"19.99\"}]}"
    echo
}

sell
sell # the same key: the first answer again, and nothing is printed twice
curl -sS --fail-with-body "$url/v1/kkt/receipt?idempotency_key=$key"
echo
curl -sS --fail-with-body -X POST "$url/v1/kkt/z_report" \
    -H "Content-Type: application/json" -H "Idempotency-Key: z-$key" -d "{\"pos_id\": \"$pos\"}"
echo

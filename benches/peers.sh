#!/usr/bin/env bash
# The same corpus in Logmill and in a peer, both columns side by side:
#   bash benches/peers.sh /path/to/victoria-logs [ENTRIES]
#   bash benches/peers.sh /path/to/loki [ENTRIES]
# Prints CPU time of loading, bytes on disk, and the time of some questions. Needs curl and python3.
set -euo pipefail
cd "$(dirname "$0")/.."

peer="${1:-}"
entries="${2:-500000}"
if [ -z "$peer" ] || [ ! -x "$peer" ]; then
    echo "skipped: give the path of a VictoriaLogs or Loki binary; '${peer}' is none"
    exit 0
fi
case "$(basename "$peer")" in
*victoria*) kind=victorialogs port=9428 ;;
*loki*) kind=loki port=3100 ;;
*)
    echo "skipped: $(basename "$peer") is neither victoria-logs nor loki"
    exit 0
    ;;
esac

cargo build --release --quiet
logmill="${CARGO_TARGET_DIR:-target}/release/logmill"
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
echo "$(nproc) cores; $entries entries (JSON with context); $("$peer" --version 2>&1 | head -n 1)"

python3 - "$work/corpus.jsonl" "$entries" <<'PY'
import json, random, sys
random.seed(1)
words = "connection timeout retry workflow agent started finished queue token model reading writing index shard".split()
with open(sys.argv[1], "w") as out:
    for n in range(int(sys.argv[2])):
        second = n * 86400 / int(sys.argv[2])
        time = "2026-11-23T%02d:%02d:%06.3fZ" % (second // 3600, second // 60 % 60, second % 60)
        level = random.choices(["DEBUG", "INFO", "WARNING", "ERROR"], [15, 77, 5, 3])[0]
        message = " ".join(random.choices(words, k=8)) + " %d" % random.randrange(100000)
        out.write(json.dumps({"timestamp": time, "level": level, "logger": "orchestrator." + random.choice(words),
            "message": message, "workflow_id": "wf-%08x" % random.randrange(1 << 14), "duration_ms": random.random() * 1e4}) + "\n")
PY
raw=$(stat -c %s "$work/corpus.jsonl")
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15 + $16 + $17) / hz }' "/proc/$1/stat"; }
ratio() { awk -v a="$1" -v b="$raw" 'BEGIN { printf "%.3f", a / b }'; }
milliseconds() {
    local begun
    begun=$(date +%s%N)
    "$@" >/dev/null
    echo $((($(date +%s%N) - begun) / 1000000))
}

cd "$work"
TIMEFORMAT='%U %S'
own=$({ time "$logmill" --config /dev/null ingest corpus.jsonl --pipeline orchestrator >/dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }')
own_disk=$(du -sb data | cut -f1)

mkdir peer
case $kind in
victorialogs)
    "$peer" -storageDataPath="$work/peer" -httpListenAddr="127.0.0.1:$port" -retentionPeriod=10y >peer.log 2>&1 &
    server=$!
    load() { curl -sf --data-binary @corpus.jsonl "http://127.0.0.1:$port/insert/jsonline?_time_field=timestamp&_msg_field=message&_stream_fields=logger"; }
    ask() { curl -sf "http://127.0.0.1:$port/select/logsql/query" -d "query=$1" -d limit=50; }
    questions=('workflow_id:wf-00000123' '"connection timeout" level:ERROR' '* | stats by (level) count()')
    ;;
loki)
    cat >loki.yaml <<YAML
auth_enabled: false
server: { http_listen_port: $port, http_listen_address: 127.0.0.1, grpc_listen_port: 0 }
common: { path_prefix: $work/peer, replication_factor: 1, ring: { kvstore: { store: inmemory } } }
schema_config: { configs: [ { from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13, index: { prefix: i_, period: 24h } } ] }
limits_config: { reject_old_samples: false, ingestion_rate_mb: 1000, ingestion_burst_size_mb: 1000, per_stream_rate_limit: 1GB, per_stream_rate_limit_burst: 1GB }
YAML
    "$peer" -config.file=loki.yaml >peer.log 2>&1 &
    server=$!
    load() {
        python3 - "$port" <<'PY'
import datetime, json, sys, urllib.request
def push(values):
    body = json.dumps({"streams": [{"stream": {"job": "corpus"}, "values": values}]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/loki/api/v1/push", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()
values = []
for line in open("corpus.jsonl"):
    time = datetime.datetime.fromisoformat(json.loads(line)["timestamp"].replace("Z", "+00:00"))
    values.append([str(int(time.timestamp() * 1e9)), line.rstrip()])
    if len(values) == 5000:
        push(values)
        values = []
if values:
    push(values)
PY
    }
    ask() { curl -sfG "http://127.0.0.1:$port/loki/api/v1/query_range" --data-urlencode "query=$1" -d start=1795392000 -d end=1795478400 -d limit=50; }
    questions=('{job="corpus"} |= "wf-00000123"' '{job="corpus"} |= "connection timeout" |= "ERROR"' 'sum by (level) (count_over_time({job="corpus"} | json level="level" [24h]))')
    ;;
esac
for _ in $(seq 100); do
    curl -so /dev/null "http://127.0.0.1:$port/" && break
    sleep 0.2
done
before=$(cpu_of "$server")
load >/dev/null
sleep 5
peer_cpu=$(awk -v a="$(cpu_of "$server")" -v b="$before" 'BEGIN { print a - b }')
peer_disk=$(du -sb peer | cut -f1)

printf '%-40s %12s %12s\n' "" logmill "$kind"
printf '%-40s %12s %12s\n' "CPU µs an entry, loading" \
    "$(awk -v s="$own" -v n="$entries" 'BEGIN { printf "%.2f", s * 1e6 / n }')" \
    "$(awk -v s="$peer_cpu" -v n="$entries" 'BEGIN { printf "%.2f", s * 1e6 / n }')"
printf '%-40s %12s %12s\n' "disk of raw (logmill: not sealed)" "$(ratio "$own_disk")" "$(ratio "$peer_disk")"
own_questions=('workflow_id:wf-00000123' '"connection timeout" level:error' '* | stats count() by level')
for n in 0 1 2; do
    printf '%-40s %12s %12s\n' "ms: ${own_questions[$n]}" \
        "$(milliseconds "$logmill" --config /dev/null search "${own_questions[$n]}" --limit 50)" \
        "$(milliseconds ask "${questions[$n]}")"
done

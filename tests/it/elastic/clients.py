"""Asks Logmill with an official client, and with its own API; the two must say the same.

clients.py elasticsearch|opensearch ADDRESS plain|packed
"""

import datetime
import json
import sys
import urllib.parse
import urllib.request

library, address, bodies = sys.argv[1:]
packed = bodies == "packed"

if library == "elasticsearch":
    from elasticsearch import BadRequestError, Elasticsearch, NotFoundError, helpers

    client = Elasticsearch(f"http://{address}/elastic", http_compress=packed)

    def ask(method, index, **body):
        return getattr(client, method)(index=index, **body).body

    def info():
        return client.info().body
else:
    from opensearchpy import NotFoundError, OpenSearch, RequestError as BadRequestError, helpers

    client = OpenSearch([f"http://{address}/elastic"], http_compress=packed)

    def ask(method, index, **body):
        return getattr(client, method)(index=index, body=body)

    def info():
        return client.info()


def own(path, **parameters):
    with urllib.request.urlopen(f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}") as answer:
        return json.load(answer)


def own_ids(query):
    return [entry["id"] for entry in own("search", query=query, limit=10000)["entries"]]


def own_rows(query):
    return own("aggregate", query=query)["table"]["rows"]


def same(got, want, what):
    assert got == want, f"{what}: {str(got)[:600]}, not {str(want)[:600]}"


def ids(answer):
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def fails(error, status, part, ask):
    try:
        ask()
    except error as failure:
        text = str(getattr(failure, "body", None) or failure.info)
        same(getattr(failure, "status_code", None) or failure.meta.status, status, part)
        assert part in text, f"{part!r} is not in {text}"
        return
    raise AssertionError(f"there was no error with {part!r}")


def queries():
    table = [
        ("*", {"match_all": {}}),
        ("level:error", {"term": {"level": "error"}}),
        ("level>=warning", {"range": {"level": {"gte": "warning"}}}),
        ("service:api", {"match": {"service": "api"}}),
        ('"timed out"', {"query_string": {"query": '"timed out"'}}),
        ("error OR failed", {"query_string": {"query": "error failed"}}),
        ("workflow retr*", {"query_string": {"query": "workflow AND retr*"}}),
        ("duration_ms>1000", {"range": {"duration_ms": {"gt": 1000}}}),
        ("duration_ms:*", {"exists": {"field": "duration_ms"}}),
        ("-level:info", {"bool": {"must_not": {"term": {"level": "info"}}}}),
        ("logger:orch*", {"query_string": {"query": "logger:orch*"}}),
        ("timestamp>=5m", {"range": {"@timestamp": {"gte": "now-5m"}}}),
    ]
    found = 0
    for text, query in table:
        want = own_ids(text)
        answer = ask("search", "logmill", query=query, size=10000, track_total_hits=True)
        if "now" not in str(query):
            same(ids(answer), want, f"{query}")
            same(answer["hits"]["total"], {"value": len(want), "relation": "eq"}, f"total of {query}")
            same(ask("count", "logs-*", query=query)["count"], len(want), f"count of {query}")
        found += len(want)
    assert found > 1000, found


def documents():
    hit = ask("search", "logmill", query={"match_all": {}}, size=1)["hits"]["hits"][0]
    entry = own("search", query="*", limit=1)["entries"][0]
    same(hit["_source"], entry, "document")
    hit = ask("search", "logmill", query={"ids": {"values": [entry["id"]]}})["hits"]["hits"]
    same([one["_id"] for one in hit], [entry["id"]], "ids")
    answer = ask("search", "logmill", fields=[{"field": "@timestamp", "format": "epoch_millis"}, "level"], size=1)
    fields = answer["hits"]["hits"][0]["fields"]
    same(fields["level"], [entry["level"]], "fields")
    assert fields["@timestamp"][0].isdigit(), fields


def pages():
    want = own_ids("level:info")
    query = {"query": {"term": {"level": "info"}}}
    scanned = [hit["_id"] for hit in helpers.scan(client, index="logmill", query=query, size=100)]
    same(scanned, want, "scan")
    for order in ("desc", "asc"):
        found, after = [], {}
        while True:
            sort = [{"@timestamp": {"order": order}}, "_doc"]
            page = ask("search", "logmill", size=70, sort=sort, track_total_hits=False, **query, **after)
            assert "total" not in page["hits"], page["hits"]["total"]
            if not page["hits"]["hits"]:
                break
            found += ids(page)
            # As a client of few digits hands it back.
            last = page["hits"]["hits"][-1]["sort"]
            after = {"search_after": [float(last[0]), last[1]]}
        same(sorted(found), sorted(want), f"pages {order}")
        same(len(set(found)), len(found), f"pages {order}")
    by_duration = ask("search", "logmill", query={"exists": {"field": "duration_ms"}}, size=50, sort=[{"duration_ms": "desc"}])
    durations = [hit["_source"]["duration_ms"] for hit in by_duration["hits"]["hits"]]
    same(durations, sorted(durations, reverse=True), "sorted")
    same(durations[0], own_rows("* | stats max(duration_ms)")[0][0], "largest")
    start = {"from_" if library == "elasticsearch" else "from": 5}
    same(ids(ask("search", "logmill", size=5, **start, **query)), want[5:10], "from")


def aggregations():
    tree = {
        "levels": {
            "terms": {"field": "level", "size": 20},
            "aggs": {
                "mean": {"avg": {"field": "duration_ms"}},
                "p": {"percentiles": {"field": "duration_ms", "percents": [95]}},
                "distinct": {"cardinality": {"field": "service"}},
                "all": {"stats": {"field": "duration_ms"}},
            },
        },
        "time": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1m", "min_doc_count": 1}},
        "slow": {"filter": {"range": {"duration_ms": {"gte": 1000}}}},
    }
    answer = ask("search", "logmill", size=0, aggs=tree)["aggregations"]
    table = "* | stats count(), avg(duration_ms), p95(duration_ms), count_distinct(service), sum(duration_ms), max(duration_ms) by level"
    want = {row[0]: row[1:] for row in own_rows(table)}
    buckets = answer["levels"]["buckets"]
    same([bucket["doc_count"] for bucket in buckets], sorted((row[0] for row in want.values()), reverse=True), "terms")
    for bucket in buckets:
        values = bucket["p"]["values"]["95.0"]
        got = [bucket["doc_count"], bucket["mean"]["value"], values, bucket["distinct"]["value"], bucket["all"]["sum"], bucket["all"]["max"]]
        row = want[bucket["key"]]
        # The sum of nothing is 0 there and nothing here.
        row[4] = row[4] or 0.0
        same(got, row, f"metrics of {bucket['key']}")
    steps = own_rows("* | stats count() by step(1m)")
    same([bucket["doc_count"] for bucket in answer["time"]["buckets"]], [row[1] for row in steps], "histogram")
    # Counts alone come from the index, where it has them.
    counted = {"time": {"date_histogram": {"field": "@timestamp", "fixed_interval": "5m", "min_doc_count": 1},
                        "aggs": {"levels": {"terms": {"field": "level", "size": 20}}}}}
    for query in ({"match_all": {}}, {"range": {"@timestamp": {"gte": "now-1d"}}}):
        answered = ask("search", "logmill", size=0, query=query, aggs=counted, track_total_hits=True)
        got = [
            [bucket["key"], level["key"], level["doc_count"]]
            for bucket in answered["aggregations"]["time"]["buckets"]
            for level in bucket["levels"]["buckets"]
        ]
        rows = own_rows("* | stats count() by step(5m), level")
        when = lambda text: int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
        same(sorted(got), sorted([when(row[0]), row[1], row[2]] for row in rows), f"counts of {query}")
        same(answered["hits"]["total"]["value"], sum(row[2] for row in rows), f"total of {query}")
    same(answer["slow"]["doc_count"], len(own_ids("duration_ms>=1000")), "filter")


def several():
    body = [{"index": "logmill"}, {"query": {"term": {"level": "error"}}, "size": 1}, {"index": "nowhere"}, {}, {}, {"query": {"nope": {}}}]
    answers = client.msearch(searches=body) if library == "elasticsearch" else client.msearch(body=body)
    answers = dict(answers)["responses"]
    same([answer["status"] for answer in answers], [200, 404, 400], "msearch")
    same(answers[0]["hits"]["total"]["value"], len(own_ids("level:error")), "msearch")


def fields():
    properties = client.indices.get_mapping(index="*")["logmill"]["mappings"]["properties"]
    same(properties["@timestamp"], {"type": "date_nanos"}, "mapping")
    names = {name["name"] for name in own("fields", sample=2000)["fields"]}
    mapped = set(properties) | {f"fields.{name}" for name in properties["fields"]["properties"]}
    assert names <= mapped, names - mapped
    caps = client.field_caps(index="logmill", fields="duration_ms,fields.*")["fields"]
    assert caps["duration_ms"]["double"]["aggregatable"] and "level" not in caps, caps
    assert client.indices.exists(index="logmill") and not client.indices.exists(index="nowhere")
    same(client.cluster.health()["status"], "green", "health")


def mistakes():
    fails(NotFoundError, 404, "index_not_found_exception", lambda: ask("search", "nowhere", query={"match_all": {}}))
    fails(BadRequestError, 400, "query.bool.must[0].nope: unknown query [nope]",
          lambda: ask("search", "logmill", query={"bool": {"must": [{"nope": {}}]}}))
    fails(BadRequestError, 400, "column 7: a `)` is missing",
          lambda: ask("search", "logmill", query={"query_string": {"query": "(error"}}))
    fails(BadRequestError, 400, "too_many_buckets_exception",
          lambda: ask("search", "logmill", size=0, aggs={"a": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1ms",
                      "extended_bounds": {"min": "now-1d", "max": "now"}}}}))


same(info()["tagline"], "You Know, for Search", "info")
for check in (queries, documents, pages, aggregations, several, fields, mistakes):
    check()
print("all good")

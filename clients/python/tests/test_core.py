"""The decisions of the client, without a broker."""

from __future__ import annotations

import json
import pickle
from datetime import datetime, timezone
from typing import Any

import pytest

from posthorn import PosthornError, RetryPolicy
from posthorn._core.json_text import StoredValue, read_items, read_text_items
from posthorn._core.limits import PRODUCER_EPOCH_MAX
from posthorn._core.messages import message_text
from posthorn._core.murmur2 import murmur2, partition_for_key
from posthorn._core.names import check_name, check_wide_name, default_dead_letter_queue, queue_path
from posthorn._core.reply_error import culprits_of, error_of_reply, retry_after_of
from posthorn._core.retry import delay_s
from posthorn._core.sequences import SEQUENCES, BatchProducer, Identity, Sequences
from posthorn._core.settlements import Settlement, error_fields, refusal_of, settle_fields
from posthorn._core.start import wire_start
from posthorn._core.values import header_pairs, headers_text, record_size, value_text


@pytest.mark.parametrize(
    ("key", "hash"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
        ("", 275646681),
    ],
)
def test_hashes_keys_as_kafkas_java_client_does(key: str, hash: int) -> None:
    assert murmur2(key.encode()) == hash & 0xFFFFFFFF
    assert partition_for_key(key.encode(), 7) == (hash & 0x7FFFFFFF) % 7


@pytest.mark.parametrize("name", ["", ".", "..", "__proto__", "a/b", "ä", "a" * 250, "a\n", None, 7])
def test_refuses_names_that_would_lead_elsewhere(name: Any) -> None:
    with pytest.raises(PosthornError) as refused:
        check_name("topic", name)
    assert refused.value.code == "invalid_argument"


@pytest.mark.parametrize("name", ["", ".", "..", "__proto__", "a\n", "\x85", "\ud800", "é" * 128, None, 7])
def test_refuses_wide_names_that_no_queue_can_have(name: Any) -> None:
    with pytest.raises(PosthornError) as refused:
        check_wide_name("queue", name)
    assert refused.value.code == "invalid_argument"


def test_encodes_wide_names_in_paths() -> None:
    assert queue_path("celery@host/a b?ü") == "/queues/celery%40host%2Fa%20b%3F%C3%BC"
    assert default_dead_letter_queue("é" * 127) == "é" * 125 + ".dlq"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ({"a": [1, 2.5, "é", True, None]}, '{"a":[1,2.5,"é",true,null]}'),
        (2**70, "1180591620717411303424"),
        (b"\x00\xff", '{"$base64":"AP8="}'),
        (bytearray(b"a"), '{"$base64":"YQ=="}'),
        ("half \ud800", '"half \\ud800"'),
    ],
)
def test_writes_values_as_json(value: object, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, {1, 2}, object(), {("a",): 1}])
def test_refuses_values_that_are_not_json(value: object) -> None:
    with pytest.raises(PosthornError, match="a value is JSON"):
        value_text(value)


def test_sends_values_that_nest_too_deep_for_a_request_as_bytes() -> None:
    deep: list[Any] = []
    for _ in range(600):
        deep = [deep]
    assert value_text(deep).startswith('{"$base64":')
    assert value_text([[]] * 2_000).startswith("[[]")


def test_keeps_the_order_of_headers_and_names_that_occur_twice() -> None:
    pairs = header_pairs({"a": ["1", b"\xff", None], "b": "2"})
    assert pairs == [("a", b"1"), ("a", b"\xff"), ("a", None), ("b", b"2")]
    assert headers_text(pairs) == '{"a":["1",{"$base64":"/w=="},null],"b":["2"]}'
    assert header_pairs(pairs) == pairs


@pytest.mark.parametrize("headers", [{"a": 1}, {1: "a"}, {"a": ["x", 2]}, {"a\ud800": "x"}, {"a": "\ud800"}])
def test_refuses_headers_that_are_no_text(headers: Any) -> None:
    with pytest.raises(PosthornError):
        header_pairs(headers)


def test_bounds_the_size_of_a_record_from_above() -> None:
    assert record_size(None, 0, []) <= 30
    assert record_size(b"k" * 100, 1_000, [("h", b"v" * 200)]) >= 1_300


def test_reads_values_with_the_text_that_was_stored() -> None:
    content = b'{"records": [{"offset":1,"value": {"n":1.0,"n":9007199254740993} },{"value":null}], "next_offset":7}'
    fields, items = read_items(content, "records", "value")
    assert fields == {"next_offset": 7}
    assert items[0]["value"].text == '{"n":1.0,"n":9007199254740993}'
    assert items[0]["value"].json("it") == {"n": 9007199254740993}
    assert items[1]["value"].bytes is None


def test_reads_bytes_and_numbers_that_python_refuses() -> None:
    digits = "1" * 5_000
    _, [item] = read_items(f'{{"records":[{{"value":{digits}}}]}}'.encode(), "records", "value")
    assert item["value"].text == digits
    value = StoredValue('{"$base64":"bnVsbA=="}', {"$base64": "bnVsbA=="})
    assert value.bytes == b"null"
    assert value.json("it") is None


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b'{"records":[', b'{"records":[{"value":1}', b"[]", b"{} {}", b'{"records":7}']
)
def test_says_that_a_reply_cannot_be_read(content: bytes) -> None:
    with pytest.raises(PosthornError) as refused:
        read_items(content, "records", "value")
    assert refused.value.code == "unexpected_reply"


def test_takes_json_apart_without_changing_its_text() -> None:
    assert read_text_items(' { "a" : [1 , 2], "b":"x" } ') == {"a": "[1 , 2]", "b": '"x"'}
    assert list(read_text_items('[{"a":1.0},2]').values()) == ['{"a":1.0}', "2"]


@pytest.mark.parametrize(
    "properties",
    [
        {"priority": -1},
        {"priority": "high"},
        {"message_id": "x" * 256},
        {"delay_ms": 1, "deliver_at": 2},
        {"ordering_key": "k" * 1_025},
        {"deliver_at": 1.5},
        {"colour": "red"},
    ],
)
def test_refuses_properties_that_the_broker_would_refuse(properties: Any) -> None:
    with pytest.raises(PosthornError):
        message_text(1, None, properties)


def test_writes_messages_with_the_parts_that_are_given() -> None:
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    text = message_text({"to": "a"}, {"h": "v"}, {"priority": 3, "timestamp": when, "ordering_key": b"\xff"})
    assert json.loads(text) == {
        "body": {"to": "a"},
        "headers": {"h": ["v"]},
        "properties": {"priority": 3, "timestamp": 1_767_225_600_000, "ordering_key": {"$base64": "/w=="}},
    }


def test_counts_sequences_for_each_address_and_ends_an_epoch_when_a_batch_is_given_up() -> None:
    sequences = Sequences()
    assert sequences.assign("a", 2) is None
    sequences.identity = Identity(7, 0)
    assert sequences.assign("a", 2) == BatchProducer(7, 0, 0)
    second = sequences.assign("a", 3)
    assert second == BatchProducer(7, 0, 2)
    assert sequences.assign("b", 1) == BatchProducer(7, 0, 0)
    sequences.abandon("a", second)
    sequences.abandon("a", second)
    assert sequences.assign("a", 1) == BatchProducer(7, 1, 0)
    assert sequences.assign("b", 1) == BatchProducer(7, 0, 1)


def test_goes_on_at_zero_after_the_last_sequence_or_in_the_next_epoch() -> None:
    sequences = Sequences()
    sequences.renew(Identity(7, 0))
    sequences.assign("a", SEQUENCES - 1)
    sequences.assign("a", 2)
    assert sequences.assign("a", 1) == BatchProducer(7, 0, 1)
    sequences.assign("e", SEQUENCES - 1, ends_epochs=True)
    assert sequences.assign("e", 2, ends_epochs=True) == BatchProducer(7, 1, 0)


def test_asks_for_another_identity_after_the_last_epoch() -> None:
    sequences = Sequences()
    sequences.renew(Identity(7, PRODUCER_EPOCH_MAX))
    sequences.abandon("a", sequences.assign("a", 1))
    assert sequences.assign("a", 1) is None


def test_sorts_settlements_by_kind_and_finds_the_result_of_each() -> None:
    settlements = [Settlement("nack", "t1", {"delay_ms": 5}), Settlement("ack", "t2", {}), Settlement("ack", "t3", {})]
    fields, order = settle_fields(settlements, "me")
    assert fields == {"consumer_id": "me", "ack": ["t2", "t3"], "nack": [{"tag": "t1", "delay_ms": 5}]}
    assert order == [1, 2, 0]


def test_takes_a_settlement_that_was_done_before_for_done_only_after_a_lost_reply() -> None:
    ack = Settlement("ack", "t", {})
    assert refusal_of(ack, "settled", False) is None
    assert refusal_of(ack, "already_settled", True) is None
    refusal = refusal_of(ack, "already_settled", False)
    assert refusal is not None
    assert refusal.details == {"outcome": "already_settled"}


def test_reports_exceptions_with_their_traceback_within_the_limits() -> None:
    try:
        raise ValueError("x" * 10_000 + "\ud800")
    except ValueError as error:
        fields = error_fields(error)["error"]
    assert fields["type"] == "ValueError"
    assert len(fields["message"]) == 8_192
    assert "test_core.py" in fields["stack_trace"] or len(fields["stack_trace"]) == 32_768
    assert error_fields("why") == {"error": {"message": "why"}}
    assert error_fields(None) == {}


def test_reads_problem_documents_and_what_proxies_send_instead() -> None:
    problem = b'{"type":"t","title":"Full","status":429,"detail":"wait","code":"queue_full","retryable":true,"queue":"q"}'
    error = error_of_reply("POST /x", 429, {"retry-after": "2"}, problem)
    assert (error.code, error.status, error.retryable, error.retry_after) == ("queue_full", 429, True, 2.0)
    assert error.details == {"queue": "q"}
    proxy = error_of_reply("GET /x", 502, {}, b"<html>bad gateway")
    assert (proxy.code, proxy.status, proxy.retryable) == ("unexpected_reply", 502, True)
    assert not error_of_reply("GET /x", 404, {}, b"[]").retryable


def test_reads_retry_after_as_seconds_and_as_a_date() -> None:
    assert retry_after_of("1.5") == 1.5
    assert retry_after_of("-3") == 0
    assert retry_after_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_of("soon") is None
    assert retry_after_of(None) is None


def test_finds_the_items_that_a_request_was_refused_for() -> None:
    violations = [{"field": "messages[1].properties"}, {"field": "messages[2].body"}, {"field": "producer"}]
    error = PosthornError("invalid_field", "no", details={"violations": violations, "index": 9, "record": 0})
    assert culprits_of(error, 3) == {0, 1, 2}


def test_waits_longer_after_each_failure_and_as_long_as_the_broker_asks() -> None:
    policy = RetryPolicy()
    error = PosthornError("timeout", "no")
    assert 0.05 <= delay_s(policy, 1, error) <= 0.1
    assert 2.5 <= delay_s(policy, 10_000, error) <= 5
    assert delay_s(policy, 1, PosthornError("quota", "slow", retry_after=7)) == 7
    assert delay_s(policy, 1, PosthornError("quota", "slow", retry_after=1e9)) == 60


def test_names_start_positions() -> None:
    assert wire_start("earliest") == "earliest"
    assert wire_start(7) == 7
    assert wire_start(datetime(2026, 1, 1, tzinfo=timezone.utc)) == "@1767225600000"
    for wrong in (-1, 1.5, "first", True, None):
        with pytest.raises(PosthornError):
            wire_start(wrong)  # type: ignore[arg-type]


def test_errors_survive_pickling() -> None:
    error = PosthornError("timeout", "no reply", retryable=True, status=504, details={"a": 1}, retry_after=2)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, str(copy), copy.retryable, copy.status) == ("timeout", "no reply", True, 504)
    assert (copy.details, copy.retry_after) == ({"a": 1}, 2)

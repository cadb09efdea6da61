#!/usr/bin/env python3
"""Configurations to validate, and the answers of Kafka Connect in the form that `make conformance` reads.

  make_validate_cases.py               the configurations, one JSON object a line, for ValidateRecorder.java
  make_validate_cases.py --reduce      reads the recorder's answers; writes what is compared. Keys that are as in the
                                       case `plain` or `plain_sink` are left out.
"""
import json
import sys

SOURCE = {"name": "v", "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1",
          "file": "in.txt", "topic": "t"}
SINK = {"name": "v", "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": "1",
        "file": "out.txt", "topics": "t"}
T = "org.apache.kafka.connect.transforms."
CASES = {}


def case(name, base, changes):
    config = dict(base)
    for key, value in changes.items():
        if value == "-":
            config.pop(key, None)
        else:
            config[key] = value
    CASES[name] = config


def src(name, changes):
    case(name, SOURCE, changes)


def snk(name, changes):
    case(name, SINK, changes)


src("plain",{})
snk("plain_sink",{})
src("short_class",{"connector.class":"FileStreamSource"})
src("no_name",{"name":"-"})
src("empty_name",{"name":""})
src("control_name",{"name":"a\u0007b\u0001"})
src("null_value",{"file":None})
src("null_unknown",{"foo":None})
src("tasks_max_0",{"tasks.max":"0"})
src("tasks_max_big",{"tasks.max":"99999999999"})
src("tasks_max_blank",{"tasks.max":" "})
src("tasks_max_float",{"tasks.max":"1.5"})
src("tasks_max_space",{"tasks.max":" 2 "})
src("enforce_bad",{"tasks.max.enforce":"yes"})
src("enforce_caps",{"tasks.max.enforce":" FALSE "})
src("reload_bad",{"config.action.reload":"maybe"})
src("reload_caps",{"config.action.reload":"NONE"})
src("tolerance_caps",{"errors.tolerance":"ALL"})
src("retry_bad",{"errors.retry.timeout":"x","errors.retry.delay.max.ms":"1.0"})
src("retry_minus2",{"errors.retry.timeout":"-2"})
src("log_bad",{"errors.log.enable":"1","errors.log.include.messages":""})
for k in ("key.converter","value.converter","header.converter"):
    for cl in ("no.such.Conv","org.apache.kafka.connect.json.JsonConverter","JsonConverter","Json","org.apache.kafka.connect.storage.StringConverter","org.apache.kafka.connect.converters.ByteArrayConverter","org.apache.kafka.connect.converters.IntegerConverter","org.apache.kafka.connect.storage.SimpleHeaderConverter","org.apache.kafka.connect.transforms.Filter",""," "):
        src(f"{k}_{cl}",{k:cl})
src("json_bad",{"value.converter":"org.apache.kafka.connect.json.JsonConverter","value.converter.schemas.enable":"maybe","value.converter.schemas.cache.size":"-1","value.converter.decimal.format":"foo"})
src("json_bad2",{"value.converter":"org.apache.kafka.connect.json.JsonConverter","value.converter.schemas.enable":" TRUE","value.converter.schemas.cache.size":"x","value.converter.decimal.format":"numeric","value.converter.replace.null.with.default":"1","value.converter.schema.content":"{"})
src("json_type",{"value.converter":"org.apache.kafka.connect.json.JsonConverter","value.converter.converter.type":"foo"})
src("json_type_key",{"value.converter":"org.apache.kafka.connect.json.JsonConverter","value.converter.converter.type":"key"})
src("string_enc",{"value.converter":"org.apache.kafka.connect.storage.StringConverter","value.converter.converter.encoding":"foo"})
src("all_three",{"value.converter":"org.apache.kafka.connect.json.JsonConverter","key.converter":"org.apache.kafka.connect.storage.StringConverter","header.converter":"org.apache.kafka.connect.storage.SimpleHeaderConverter"})
src("header_string",{"header.converter":"org.apache.kafka.connect.storage.StringConverter"})
src("only_conv_keys",{"value.converter.schemas.enable":"maybe"})
src("plugin_version",{"connector.plugin.version":"4.3.1"})
src("plugin_version_bad",{"connector.plugin.version":"9.9.9"})
src("plugin_version_range",{"connector.plugin.version":"[4.0,5.0)"})
src("conv_plugin_version_bad",{"value.converter":"org.apache.kafka.connect.json.JsonConverter","value.converter.plugin.version":"9.9"})
src("conv_version_without_class",{"value.converter.plugin.version":"9.9"})
src("unknown_key",{"foo":"bar"})
# transforms
src("t_unknown",{"transforms":"a","transforms.a.type":"no.such.Smt"})
src("t_missing",{"transforms":"a"})
src("t_empty_type",{"transforms":"a","transforms.a.type":""})
src("t_insert",{"transforms":"a","transforms.a.type":T+"InsertField$Value","transforms.a.static.field":"x","transforms.a.static.value":"y"})
src("t_insert_short",{"transforms":"a","transforms.a.type":"InsertField$Value"})
src("t_regex_missing",{"transforms":"a","transforms.a.type":T+"RegexRouter"})
src("t_regex_bad",{"transforms":"a","transforms.a.type":T+"RegexRouter","transforms.a.regex":"(","transforms.a.replacement":"x"})
src("t_regex_ok",{"transforms":"a","transforms.a.type":T+"RegexRouter","transforms.a.regex":".*","transforms.a.replacement":"x"})
src("t_cast_missing",{"transforms":"a","transforms.a.type":T+"Cast$Value"})
src("t_cast_bad",{"transforms":"a","transforms.a.type":T+"Cast$Value","transforms.a.spec":"a:foo"})
src("t_cast_empty",{"transforms":"a","transforms.a.type":T+"Cast$Value","transforms.a.spec":""})
src("t_cast_twocolon",{"transforms":"a","transforms.a.type":T+"Cast$Value","transforms.a.spec":"a:b:c"})
src("t_mask",{"transforms":"a","transforms.a.type":T+"MaskField$Value","transforms.a.fields":"","transforms.a.replacement":""})
src("t_tc",{"transforms":"a","transforms.a.type":T+"TimestampConverter$Value","transforms.a.target.type":"foo","transforms.a.unix.precision":"x"})
src("t_tc2",{"transforms":"a","transforms.a.type":T+"TimestampConverter$Value","transforms.a.target.type":"string"})
src("t_hf",{"transforms":"a","transforms.a.type":T+"HeaderFrom$Value","transforms.a.fields":"a,b","transforms.a.headers":"c","transforms.a.operation":"foo"})
src("t_drop",{"transforms":"a","transforms.a.type":T+"DropHeaders"})
src("t_extract",{"transforms":"a","transforms.a.type":T+"ExtractField$Value","transforms.a.field":"","transforms.a.field.syntax.version":"V3"})
src("t_flatten",{"transforms":"a","transforms.a.type":T+"Flatten$Value"})
src("t_replace",{"transforms":"a","transforms.a.type":T+"ReplaceField$Value","transforms.a.renames":"a"})
src("t_valuetokey",{"transforms":"a","transforms.a.type":T+"ValueToKey"})
src("t_setschema",{"transforms":"a","transforms.a.type":T+"SetSchemaMetadata$Value","transforms.a.schema.version":"x"})
src("t_insertheader",{"transforms":"a","transforms.a.type":T+"InsertHeader","transforms.a.header":""})
src("t_router",{"transforms":"a","transforms.a.type":T+"TimestampRouter","transforms.a.timestamp.format":"QQQ"})
src("t_hoist",{"transforms":"a","transforms.a.type":T+"HoistField$Key"})
src("t_filter",{"transforms":"a","transforms.a.type":T+"Filter"})
src("t_abstract",{"transforms":"a","transforms.a.type":T+"InsertField"})
src("t_predicate_class",{"transforms":"a","transforms.a.type":T+"predicates.RecordIsTombstone"})
src("t_connector_class",{"transforms":"a","transforms.a.type":"org.apache.kafka.connect.file.FileStreamSourceConnector"})
src("t_string",{"transforms":"a","transforms.a.type":"java.lang.String"})
src("t_two",{"transforms":"b, a","transforms.a.type":T+"Filter","transforms.b.type":T+"HoistField$Key","transforms.b.field":"x"})
src("t_dup",{"transforms":"a,a","transforms.a.type":T+"Filter"})
src("t_empty_alias",{"transforms":"a,,b","transforms.a.type":T+"Filter"})
src("t_trailing",{"transforms":"a,","transforms.a.type":T+"Filter"})
src("t_blank",{"transforms":" "})
src("t_negate_only",{"transforms":"a","transforms.a.type":T+"Filter","transforms.a.negate":"true"})
src("t_negate_only_unknown",{"transforms":"a","transforms.a.type":"no.such","transforms.a.negate":"true"})
src("t_negate_bad",{"transforms":"a","transforms.a.type":T+"Filter","transforms.a.negate":"x","transforms.a.predicate":"p"})
src("t_predicate_undefined",{"transforms":"a","transforms.a.type":T+"Filter","transforms.a.predicate":"p"})
src("t_predicate_empty",{"transforms":"a","transforms.a.type":T+"Filter","transforms.a.predicate":""})
src("t_predicate_ok",{"transforms":"a","transforms.a.type":T+"Filter","transforms.a.predicate":"p","predicates":"p","predicates.p.type":T+"predicates.RecordIsTombstone"})
src("t_version",{"transforms":"a","transforms.a.type":T+"Filter","transforms.a.plugin.version":"9.9"})
src("t_version_ok",{"transforms":"a","transforms.a.type":T+"Filter","transforms.a.plugin.version":"4.3.1"})
src("t_unknown_key",{"transforms":"a","transforms.a.type":T+"Filter","transforms.a.foo":"x"})
# predicates
src("p_unknown",{"predicates":"p","predicates.p.type":"no.such"})
src("p_missing",{"predicates":"p"})
src("p_topic",{"predicates":"p","predicates.p.type":T+"predicates.TopicNameMatches"})
src("p_topic_bad",{"predicates":"p","predicates.p.type":T+"predicates.TopicNameMatches","predicates.p.pattern":"("})
src("p_header",{"predicates":"p","predicates.p.type":T+"predicates.HasHeaderKey","predicates.p.name":""})
src("p_transform_class",{"predicates":"p","predicates.p.type":T+"Filter"})
src("p_dup",{"predicates":"p,p","predicates.p.type":T+"predicates.RecordIsTombstone"})
src("p_version",{"predicates":"p","predicates.p.type":T+"predicates.RecordIsTombstone","predicates.p.plugin.version":"1"})
# sinks
snk("s_none",{"topics":"-"})
snk("s_both",{"topics.regex":"a.*"})
snk("s_regex",{"topics":"-","topics.regex":"a.*"})
snk("s_regex_bad",{"topics":"-","topics.regex":"("})
snk("s_regex_bad2",{"topics":"-","topics.regex":"*a"})
snk("s_blank",{"topics":" "})
snk("s_commas",{"topics":"a,,b"})
snk("s_comma",{"topics":","})
snk("s_badname",{"topics":"a b"})
snk("s_dlq_in",{"topics":"a,dlq","errors.deadletterqueue.topic.name":"dlq"})
snk("s_dlq_regex",{"topics":"-","topics.regex":"d.*","errors.deadletterqueue.topic.name":"dlq"})
snk("s_dlq_ok",{"errors.deadletterqueue.topic.name":"dlq","errors.deadletterqueue.topic.replication.factor":"1","errors.deadletterqueue.context.headers.enable":"TRUE"})
snk("s_dlq_rf",{"errors.deadletterqueue.topic.replication.factor":"70000","errors.deadletterqueue.context.headers.enable":"x"})
snk("s_dlq_rf0",{"errors.deadletterqueue.topic.replication.factor":"0"})
snk("s_source_keys",{"topic.creation.groups":"a"})
# sources
src("tc_dup",{"topic.creation.groups":"a,a"})
src("tc_default",{"topic.creation.groups":"default"})
src("tc_missing",{"topic.creation.default.partitions":"1"})
src("tc_group_missing",{"topic.creation.groups":"g","topic.creation.default.partitions":"1","topic.creation.default.replication.factor":"1"})
src("tc_bad",{"topic.creation.default.partitions":"0","topic.creation.default.replication.factor":"x"})
src("eos_bad",{"exactly.once.support":"foo","transaction.boundary":"bar","transaction.boundary.interval.ms":"-1"})
src("eos_required",{"exactly.once.support":"Required"})
src("eos_connector",{"transaction.boundary":"connector"})
src("eos_interval0",{"transaction.boundary":"interval","transaction.boundary.interval.ms":"0"})
src("eos_interval_x",{"transaction.boundary.interval.ms":"x"})
src("ost_empty",{"offsets.storage.topic":""})
src("ost_blank",{"offsets.storage.topic":" "})
src("batch_bad",{"batch.size":"x"})
src("batch_0",{"batch.size":"0"})
src("file_empty",{"file":""})
src("topic_empty",{"topic":""})
src("topic_missing",{"topic":"-"})
src("topic_bad",{"topic":"a b"})
# client overrides
src("o_producer",{"producer.override.linger.ms":"5","producer.override.foo":"x"})
src("o_producer_bad",{"producer.override.linger.ms":"x"})
src("o_consumer_on_source",{"consumer.override.max.poll.records":"x"})
snk("o_consumer",{"consumer.override.max.poll.records":"x","consumer.override.auto.offset.reset":"foo"})
snk("o_consumer_pw",{"consumer.override.ssl.key.password":"secret"})
snk("o_admin_dlq",{"errors.deadletterqueue.topic.name":"dlq","admin.override.retries":"x","producer.override.acks":"9"})
src("o_admin",{"admin.override.retries":"x"})
# misc
src("class_missing",{"connector.class":"-"})
src("class_unknown",{"connector.class":"no.such"})
src("class_empty",{"connector.class":""})
src("class_transform",{"connector.class":T+"Filter"})
snk("s_dup",{"topics":"a,a"})
src("tc_groups_empty",{"topic.creation.groups":"a,,b"})
src("t_prefix",{"transforms":"a","transforms.a.type":" org.apache.kafka.connect.transforms.Filter "})
src("t_many",{"transforms":"a","transforms.a.type":T+"TimestampConverter$Value","transforms.a.target.type":"string","transforms.a.format":"QQ"})
src("t_cast_ok",{"transforms":"a","transforms.a.type":T+"Cast$Value","transforms.a.spec":"a:int8,b:string"})
src("json_conv_ok",{"value.converter":"org.apache.kafka.connect.json.JsonConverter","value.converter.schemas.enable":"false"})
src("json_conv_unknown",{"value.converter":"org.apache.kafka.connect.json.JsonConverter","value.converter.foo":"false"})


def reduce(lines):
    answers = {}
    for line in lines:
        if line.startswith('{"name"'):
            answer = json.loads(line)
            answers[answer["name"]] = answer
    known = {name: keys(answers[name]) for name in ("plain", "plain_sink")}
    for name, answer in answers.items():
        if "response" not in answer:
            continue
        base = "plain_sink" if "Sink" in answer["config"].get("connector.class", "") else "plain"
        found = keys(answer)
        new = {key: said for key, said in found.items() if name == base or said != known[base].get(key)}
        expect = {"error_count": answer["response"]["error_count"], "keys": new}
        if name != base:
            expect["as"] = base
            expect["missing"] = sorted(set(known[base]) - set(found))
        print(json.dumps({"id": "validate-" + name, "validate": answer["config"], "expect": expect}))


def keys(answer):
    found = {}
    for config in answer["response"]["configs"]:
        definition, value = config["definition"], config["value"]
        found[(definition or value)["name"]] = {
            "definition": definition and {key: definition[key] for key in (
                "type", "required", "default_value", "importance", "group", "order_in_group", "width", "display_name",
                "dependents")},
            "value": value["value"], "errors": value["errors"], "visible": value["visible"],
            # The lists are long; how many there are says enough.
            "recommended_values": len(value["recommended_values"]),
        }
    return found


if "--reduce" in sys.argv:
    reduce(sys.stdin)
else:
    for name, config in CASES.items():
        print(json.dumps({"name": name, "config": config}))

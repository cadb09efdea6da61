// Records what Kafka Connect's own transforms, predicates and converters do with cases from standard input, one JSON
// object a line, and writes each with its `expect` to standard output. Run by record.sh.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.*;
import java.io.*;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.*;
import org.apache.kafka.connect.header.*;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.*;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

public class Recorder {
    static final ObjectMapper JSON = new ObjectMapper();
    static final JsonNodeFactory NODES = JsonNodeFactory.withExactBigDecimals(true);
    static final String TRANSFORMS = "org.apache.kafka.connect.transforms.";

    public static void main(String[] args) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null; ) {
            if (line.isBlank()) continue;
            ObjectNode recorded = (ObjectNode) JSON.readTree(line);
            try {
                recorded.set("expect", recorded.has("smt") ? transform(recorded) : converter(recorded));
            } catch (Exception problem) {
                System.err.println("left out, it cannot be made: " + recorded.path("id").asText() + ": " + problem);
                continue;
            }
            out.println(JSON.writeValueAsString(recorded));
        }
        out.flush();
    }

    static Map<String, String> config(JsonNode recorded) {
        Map<String, String> config = new LinkedHashMap<>();
        recorded.path("config").fields().forEachRemaining(entry -> config.put(entry.getKey(), entry.getValue().asText()));
        return config;
    }

    static ObjectNode error(String kind, Throwable error) {
        ObjectNode expect = NODES.objectNode();
        ObjectNode inner = expect.putObject(kind);
        inner.put("class", error.getClass().getSimpleName());
        inner.put("message", String.valueOf(error.getMessage()));
        return expect;
    }

    static ObjectNode flag(String name, boolean value) {
        return NODES.objectNode().put(name, value);
    }

    @SuppressWarnings("unchecked")
    static <R extends ConnectRecord<R>> ObjectNode transform(JsonNode recorded) throws Exception {
        String smt = recorded.get("smt").asText();
        Object plugin = Class.forName(smt.startsWith("io.") ? smt : TRANSFORMS + smt).getDeclaredConstructor().newInstance();
        try {
            ((org.apache.kafka.common.Configurable) plugin).configure(config(recorded));
        } catch (Exception problem) {
            return error("config_error", problem);
        }
        if (!recorded.has("input")) return flag("config_ok", true);
        R input = (R) record(recorded.get("input"));
        if (plugin instanceof Predicate) return flag("matches", ((Predicate<R>) plugin).test(input));
        R output;
        try {
            output = ((Transformation<R>) plugin).apply(input);
        } catch (Exception problem) {
            return error("apply_error", problem);
        }
        if (output == null) return flag("dropped", true);
        ObjectNode expect = flag("same_instance", output == input);
        expect.set("record", write(output));
        return expect;
    }

    static ObjectNode converter(JsonNode recorded) throws Exception {
        Object plugin = Class.forName(recorded.get("converter").asText()).getDeclaredConstructor().newInstance();
        boolean from = recorded.get("dir").asText().equals("from");
        boolean header = recorded.path("header").asBoolean();
        try {
            if (plugin instanceof HeaderConverter) {
                Map<String, String> config = config(recorded);
                config.put("converter.type", "header");
                ((HeaderConverter) plugin).configure(config);
            } else {
                ((Converter) plugin).configure(config(recorded), false);
            }
        } catch (Exception problem) {
            return error("config_error", problem);
        }
        ObjectNode expect = NODES.objectNode();
        try {
            if (from) {
                Schema schema = schema(recorded.get("schema"));
                Object value = value(schema, recorded.get("value"));
                byte[] bytes = header
                    ? ((HeaderConverter) plugin).fromConnectHeader("topic", "name", schema, value)
                    : ((Converter) plugin).fromConnectData("topic", schema, value);
                expect.set("bytes_b64", bytes == null ? NODES.nullNode() : NODES.textNode(Base64.getEncoder().encodeToString(bytes)));
                if (bytes != null) expect.put("text", new String(bytes, StandardCharsets.UTF_8));
            } else {
                byte[] bytes = null;
                if (recorded.hasNonNull("bytes_b64")) bytes = Base64.getDecoder().decode(recorded.get("bytes_b64").asText());
                else if (recorded.hasNonNull("text")) bytes = recorded.get("text").asText().getBytes(StandardCharsets.UTF_8);
                SchemaAndValue read = header
                    ? ((HeaderConverter) plugin).toConnectHeader("topic", "name", bytes)
                    : ((Converter) plugin).toConnectData("topic", bytes);
                Schema schema = read == null ? null : read.schema();
                Object value = read == null ? null : read.value();
                expect.set("schema", write(schema));
                expect.set("value", write(schema, value));
            }
        } catch (Exception problem) {
            return error("error", problem);
        }
        return expect;
    }

    static ConnectRecord<?> record(JsonNode json) {
        String topic = json.get("topic").asText();
        Integer partition = json.hasNonNull("partition") ? json.get("partition").asInt() : null;
        Long timestamp = json.hasNonNull("timestamp") ? json.get("timestamp").asLong() : null;
        Schema keySchema = schema(json.get("key_schema"));
        Schema valueSchema = schema(json.get("value_schema"));
        Object key = value(keySchema, json.get("key"));
        Object value = value(valueSchema, json.get("value"));
        ConnectHeaders headers = new ConnectHeaders();
        for (JsonNode header : json.path("headers")) {
            Schema schema = schema(header.get("schema"));
            headers.add(header.get("key").asText(), new SchemaAndValue(schema, value(schema, header.get("value"))));
        }
        if (json.hasNonNull("offset")) {
            return new SinkRecord(topic, partition == null ? 0 : partition, keySchema, key, valueSchema, value,
                json.get("offset").asLong(), timestamp, TimestampType.CREATE_TIME, headers);
        }
        return new SourceRecord(null, null, topic, partition, keySchema, key, valueSchema, value, timestamp, headers);
    }

    static Schema schema(JsonNode json) {
        if (json == null || json.isNull()) return null;
        String type = json.isTextual() ? json.asText() : json.get("type").asText();
        boolean optional = type.endsWith("?") || json.path("optional").asBoolean();
        if (type.endsWith("?")) type = type.substring(0, type.length() - 1);
        SchemaBuilder builder;
        if (type.equals("date")) builder = org.apache.kafka.connect.data.Date.builder();
        else if (type.equals("time")) builder = Time.builder();
        else if (type.equals("timestamp")) builder = Timestamp.builder();
        else if (type.startsWith("decimal(")) builder = Decimal.builder(Integer.parseInt(type.substring(8, type.length() - 1)));
        else if (type.equals("array")) builder = SchemaBuilder.array(schema(json.get("items")));
        else if (type.equals("map")) builder = SchemaBuilder.map(schema(json.get("keys")), schema(json.get("values")));
        else builder = new SchemaBuilder(Schema.Type.valueOf(type.toUpperCase(Locale.ROOT)));
        if (optional) builder.optional();
        if (!json.isTextual()) {
            if (json.hasNonNull("name") && builder.name() == null) builder.name(json.get("name").asText().intern());
            if (json.hasNonNull("version") && builder.version() == null) builder.version(json.get("version").asInt());
            if (json.hasNonNull("doc")) builder.doc(json.get("doc").asText());
            json.path("parameters").fields().forEachRemaining(entry -> builder.parameter(entry.getKey(), entry.getValue().asText()));
            for (JsonNode field : json.path("fields")) builder.field(field.get(0).asText(), schema(field.get(1)));
            if (json.hasNonNull("default")) builder.defaultValue(value(builder.type() == Schema.Type.STRUCT ? builder : builder.build(), json.get("default")));
        }
        return builder.build();
    }

    static Object value(Schema schema, JsonNode json) {
        if (json == null || json.isNull()) return null;
        if (schema == null) return tagged(json);
        if (schema.name() != null) {
            switch (schema.name()) {
                case "org.apache.kafka.connect.data.Date":
                case "org.apache.kafka.connect.data.Time":
                case "org.apache.kafka.connect.data.Timestamp":
                    return new java.util.Date(json.asLong());
                case "org.apache.kafka.connect.data.Decimal":
                    return new BigDecimal(json.asText());
                default:
            }
        }
        switch (schema.type()) {
            case ARRAY: {
                List<Object> list = new ArrayList<>();
                for (JsonNode element : json) list.add(value(schema.valueSchema(), element));
                return list;
            }
            case MAP: {
                Map<Object, Object> map = new LinkedHashMap<>();
                if (json.isObject()) json.fields().forEachRemaining(entry ->
                    map.put(value(schema.keySchema(), NODES.textNode(entry.getKey())), value(schema.valueSchema(), entry.getValue())));
                else for (JsonNode pair : json) map.put(value(schema.keySchema(), pair.get(0)), value(schema.valueSchema(), pair.get(1)));
                return map;
            }
            case STRUCT: {
                Struct struct = new Struct(schema);
                for (Field field : schema.fields()) {
                    Object value = value(field.schema(), json.get(field.name()));
                    if (value != null) struct.put(field, value);
                }
                return struct;
            }
            default:
                return scalar(schema.type().getName(), json);
        }
    }

    static Object tagged(JsonNode json) {
        if (json == null || json.isNull()) return null;
        Map.Entry<String, JsonNode> entry = json.fields().next();
        switch (entry.getKey()) {
            case "map": {
                Map<String, Object> map = new LinkedHashMap<>();
                entry.getValue().fields().forEachRemaining(member -> map.put(member.getKey(), tagged(member.getValue())));
                return map;
            }
            case "pairs": {
                Map<Object, Object> map = new LinkedHashMap<>();
                for (JsonNode pair : entry.getValue()) map.put(tagged(pair.get(0)), tagged(pair.get(1)));
                return map;
            }
            case "list": {
                List<Object> list = new ArrayList<>();
                for (JsonNode element : entry.getValue()) list.add(tagged(element));
                return list;
            }
            case "date":
                return new java.util.Date(entry.getValue().asLong());
            case "decimal":
                return new BigDecimal(entry.getValue().asText());
            case "bigint":
                return new java.math.BigInteger(entry.getValue().asText());
            default:
                return scalar(entry.getKey(), entry.getValue());
        }
    }

    static double number(JsonNode json) {
        return json.isTextual() ? Double.parseDouble(json.asText()) : json.asDouble();
    }

    static Object scalar(String type, JsonNode json) {
        switch (type) {
            case "boolean": return json.asBoolean();
            case "int8": return (byte) json.asInt();
            case "int16": return (short) json.asInt();
            case "int32": return json.asInt();
            case "int64": return json.asLong();
            case "float32": return (float) number(json);
            case "float64": return number(json);
            case "string": return json.asText();
            case "bytes": return Base64.getDecoder().decode(json.asText());
            default: throw new IllegalArgumentException(type);
        }
    }

    static ObjectNode write(ConnectRecord<?> record) {
        ObjectNode json = NODES.objectNode();
        json.put("topic", record.topic());
        json.set("partition", record.kafkaPartition() == null ? NODES.nullNode() : NODES.numberNode(record.kafkaPartition()));
        json.set("timestamp", record.timestamp() == null ? NODES.nullNode() : NODES.numberNode(record.timestamp()));
        json.set("key_schema", write(record.keySchema()));
        json.set("key", write(record.keySchema(), record.key()));
        json.set("value_schema", write(record.valueSchema()));
        json.set("value", write(record.valueSchema(), record.value()));
        ArrayNode headers = json.putArray("headers");
        for (Header header : record.headers()) {
            ObjectNode one = headers.addObject().put("key", header.key());
            one.set("schema", write(header.schema()));
            one.set("value", write(header.schema(), header.value()));
        }
        return json;
    }

    static JsonNode write(Schema schema) {
        if (schema == null) return NODES.nullNode();
        ObjectNode json = NODES.objectNode();
        json.put("type", schema.type().getName());
        json.put("optional", schema.isOptional());
        if (schema.name() != null) json.put("name", schema.name());
        if (schema.version() != null) json.put("version", schema.version());
        if (schema.doc() != null) json.put("doc", schema.doc());
        if (schema.parameters() != null && !schema.parameters().isEmpty()) {
            ObjectNode parameters = json.putObject("parameters");
            schema.parameters().forEach(parameters::put);
        }
        if (schema.defaultValue() != null) json.set("default", write(schema, schema.defaultValue()));
        switch (schema.type()) {
            case STRUCT: {
                ArrayNode fields = json.putArray("fields");
                for (Field field : schema.fields()) fields.addArray().add(field.name()).add(write(field.schema()));
                break;
            }
            case ARRAY:
                json.set("items", write(schema.valueSchema()));
                break;
            case MAP:
                json.set("keys", write(schema.keySchema()));
                json.set("values", write(schema.valueSchema()));
                break;
            default:
        }
        return json;
    }

    static JsonNode write(Schema schema, Object value) {
        if (value == null) return NODES.nullNode();
        if (schema == null) return tag(value);
        if (value instanceof java.util.Date) return NODES.numberNode(((java.util.Date) value).getTime());
        if (value instanceof BigDecimal) return NODES.textNode(value.toString());
        if (value instanceof List) {
            ArrayNode list = NODES.arrayNode();
            for (Object element : (List<?>) value) list.add(write(schema.valueSchema(), element));
            return list;
        }
        if (value instanceof Map) {
            ArrayNode pairs = NODES.arrayNode();
            ((Map<?, ?>) value).forEach((key, one) -> pairs.addArray().add(
                write(schema.keySchema(), key)).add(write(schema.valueSchema(), one)));
            return pairs;
        }
        if (value instanceof Struct) {
            ObjectNode json = NODES.objectNode();
            for (Field field : schema.fields()) json.set(field.name(), write(field.schema(), ((Struct) value).getWithoutDefault(field.name())));
            return json;
        }
        return plain(value);
    }

    static JsonNode tag(Object value) {
        ObjectNode json = NODES.objectNode();
        if (value instanceof Map && !((Map<?, ?>) value).keySet().stream().allMatch(key -> key instanceof String)) {
            ArrayNode pairs = json.putArray("pairs");
            ((Map<?, ?>) value).forEach((key, one) -> pairs.addArray().add(tag(key)).add(one == null ? NODES.nullNode() : tag(one)));
        } else if (value instanceof Map) {
            ObjectNode map = json.putObject("map");
            ((Map<?, ?>) value).forEach((key, one) -> map.set(String.valueOf(key), one == null ? NODES.nullNode() : tag(one)));
        } else if (value instanceof List) {
            ArrayNode list = json.putArray("list");
            for (Object element : (List<?>) value) list.add(element == null ? NODES.nullNode() : tag(element));
        } else if (value instanceof java.util.Date) json.put("date", ((java.util.Date) value).getTime());
        else if (value instanceof BigDecimal) json.put("decimal", value.toString());
        else if (value instanceof java.math.BigInteger) json.put("bigint", value.toString());
        else json.set(name(value), plain(value));
        return json;
    }

    static String name(Object value) {
        if (value instanceof Boolean) return "boolean";
        if (value instanceof Byte) return "int8";
        if (value instanceof Short) return "int16";
        if (value instanceof Integer) return "int32";
        if (value instanceof Long) return "int64";
        if (value instanceof Float) return "float32";
        if (value instanceof Double) return "float64";
        if (value instanceof String) return "string";
        if (value instanceof byte[] || value instanceof ByteBuffer) return "bytes";
        return value.getClass().getName();
    }

    static JsonNode plain(Object value) {
        if (value instanceof Boolean) return NODES.booleanNode((Boolean) value);
        if (value instanceof Float || value instanceof Double) {
            double number = ((Number) value).doubleValue();
            return Double.isFinite(number) ? NODES.numberNode(number) : NODES.textNode(String.valueOf(number));
        }
        if (value instanceof Number) return NODES.numberNode(((Number) value).longValue());
        if (value instanceof byte[]) return NODES.textNode(Base64.getEncoder().encodeToString((byte[]) value));
        if (value instanceof ByteBuffer) {
            ByteBuffer buffer = ((ByteBuffer) value).duplicate();
            byte[] bytes = new byte[buffer.remaining()];
            buffer.get(bytes);
            return NODES.textNode(Base64.getEncoder().encodeToString(bytes));
        }
        return NODES.textNode(value.toString());
    }
}

// Records what Confluent's AvroData does with cases from standard input, one JSON object a line, and writes each with its
// `expect` to standard output. A case has `avro`: "from" has a Connect schema and a value, "to" an Avro schema and bytes.
// What the converter does around AvroData, without a registry, is here. Run by record-avro.sh.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.confluent.connect.avro.AvroData;
import io.confluent.connect.avro.AvroDataConfig;
import io.confluent.kafka.serializers.NonRecordContainer;
import java.io.*;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.avro.NameValidator;
import org.apache.avro.SchemaParseException;
import org.apache.avro.generic.*;
import org.apache.avro.io.*;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;

public class AvroRecorder {
    public static void main(String[] args) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null; ) {
            if (line.isBlank()) continue;
            ObjectNode recorded = (ObjectNode) Recorder.JSON.readTree(line);
            try {
                boolean from = recorded.get("avro").asText().equals("from");
                recorded.set("expect", from ? from(recorded) : to(recorded));
            } catch (Exception problem) {
                System.err.println("left out, it cannot be made: " + recorded.path("id").asText() + ": " + problem);
                continue;
            }
            out.println(Recorder.JSON.writeValueAsString(recorded));
        }
        out.flush();
    }

    static AvroData data(JsonNode recorded) {
        return new AvroData(new AvroDataConfig(Recorder.config(recorded)));
    }

    static ObjectNode from(JsonNode recorded) throws Exception {
        Schema schema = Recorder.schema(recorded.get("schema"));
        Object value = Recorder.value(schema, recorded.get("value"));
        ObjectNode expect = Recorder.NODES.objectNode();
        try {
            AvroData data = data(recorded);
            org.apache.avro.Schema avro = data.fromConnectSchema(schema);
            Object datum = data.fromConnectData(schema, value);
            if (datum == null) {
                expect.put("avro_schema", avro.toString());
                expect.putNull("bytes_b64");
                return expect;
            }
            if (datum instanceof NonRecordContainer) datum = ((NonRecordContainer) datum).getValue();
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            expect.put("avro_schema", avro.toString());
            if (avro.getType() == org.apache.avro.Schema.Type.BYTES) {
                bytes.write(((ByteBuffer) datum).array());
            } else {
                BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
                new GenericDatumWriter<>(avro).write(datum, encoder);
                encoder.flush();
            }
            expect.put("bytes_b64", Base64.getEncoder().encodeToString(bytes.toByteArray()));
        } catch (Exception problem) {
            return Recorder.error("error", problem);
        }
        return expect;
    }

    static ObjectNode to(JsonNode recorded) throws Exception {
        ObjectNode expect = Recorder.NODES.objectNode();
        byte[] bytes = Base64.getDecoder().decode(recorded.get("bytes_b64").asText());
        Integer version = recorded.hasNonNull("version") ? recorded.get("version").asInt() : null;
        try {
            org.apache.avro.Schema.Parser parser = new org.apache.avro.Schema.Parser(NameValidator.NO_VALIDATION);
            parser.setValidateDefaults(false);
            org.apache.avro.Schema avro = parser.parse(recorded.get("avro_schema").asText());
            names(avro, Collections.newSetFromMap(new IdentityHashMap<>()));
            Object datum = bytes;
            if (avro.getType() != org.apache.avro.Schema.Type.BYTES) {
                datum = new GenericDatumReader<>(avro).read(null, DecoderFactory.get().binaryDecoder(bytes, null));
            }
            SchemaAndValue read = data(recorded).toConnectData(avro, datum, version);
            Schema schema = read == null ? null : read.schema();
            expect.set("schema", Recorder.write(schema));
            expect.set("value", Recorder.write(schema, read == null ? null : read.value()));
        } catch (StackOverflowError | Exception problem) {
            return Recorder.error("error", problem);
        }
        return expect;
    }

    // As the registry's client looks at names.
    static void names(org.apache.avro.Schema schema, Set<org.apache.avro.Schema> seen) {
        if (!seen.add(schema)) return;
        switch (schema.getType()) {
            case RECORD:
                name(schema.getName());
                for (org.apache.avro.Schema.Field field : schema.getFields()) {
                    name(field.name());
                    names(field.schema(), seen);
                }
                break;
            case ENUM:
                name(schema.getName());
                schema.getEnumSymbols().forEach(AvroRecorder::name);
                break;
            case FIXED:
                name(schema.getName());
                break;
            case ARRAY:
                names(schema.getElementType(), seen);
                break;
            case MAP:
                names(schema.getValueType(), seen);
                break;
            case UNION:
                for (org.apache.avro.Schema branch : schema.getTypes()) names(branch, seen);
                break;
            default:
        }
    }

    static void name(String name) {
        NameValidator.Result result = NameValidator.UTF_VALIDATOR.validate(name);
        if (!result.isOK()) throw new SchemaParseException(result.getErrors());
    }
}

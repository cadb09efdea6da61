// Asks Kafka Connect's own herder what it answers to configurations: one JSON object per line in, one per line out.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.connector.policy.AllConnectorClientConfigOverridePolicy;
import org.apache.kafka.connect.runtime.Worker;
import org.apache.kafka.connect.runtime.isolation.Plugins;
import org.apache.kafka.connect.runtime.rest.entities.ConfigInfos;
import org.apache.kafka.connect.runtime.standalone.StandaloneConfig;
import org.apache.kafka.connect.runtime.standalone.StandaloneHerder;
import org.apache.kafka.connect.util.FutureCallback;

public class ValidateRecorder {
    /** A worker's configuration that needs no broker. */
    static final class Config extends StandaloneConfig {
        Config(Map<String, String> keys) {
            super(keys);
        }

        @Override
        public String kafkaClusterId() {
            return "none";
        }
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> keys = new HashMap<>();
        keys.put("bootstrap.servers", "127.0.0.1:1");
        keys.put("key.converter", "org.apache.kafka.connect.json.JsonConverter");
        keys.put("value.converter", "org.apache.kafka.connect.json.JsonConverter");
        keys.put("offset.storage.file.filename", "unused");
        keys.put("plugin.path", arguments[0]);
        keys.put("plugin.discovery", "hybrid_warn");
        Plugins plugins = new Plugins(keys);
        var policy = new AllConnectorClientConfigOverridePolicy();
        policy.configure(Map.of());
        Config config = new Config(keys);
        Worker worker = new Worker("w", Time.SYSTEM, plugins, config, null, policy);
        StandaloneHerder herder = new StandaloneHerder(worker, "none", policy);
        ObjectMapper json = new ObjectMapper();
        for (String line : new String(System.in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8).split("\n")) {
            if (line.isBlank()) continue;
            JsonNode asked = json.readTree(line);
            Map<String, String> given = new LinkedHashMap<>();
            asked.get("config").fields().forEachRemaining(
                e -> given.put(e.getKey(), e.getValue().isNull() ? null : e.getValue().asText()));
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("name", asked.get("name").asText());
            answer.put("config", given);
            FutureCallback<ConfigInfos> done = new FutureCallback<>();
            try {
                herder.validateConnectorConfig(given, done, false);
                answer.put("response", done.get());
            } catch (Exception error) {
                Throwable cause = error.getCause() == null ? error : error.getCause();
                answer.put("error", cause.toString());
            }
            System.out.println(json.writeValueAsString(answer));
        }
        System.exit(0);
    }
}

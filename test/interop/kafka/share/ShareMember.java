import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.config.ConfigResource;

/**
 * A member of a share group. It says what it gets, with the count of deliveries, until its input ends. Its mode:
 *
 * - configure: no member; sets the group to begin at the earliest records, and its locks to the given seconds
 * - implicit: accepts what it got with the next poll
 * - explicit: by the number that is the record's value: 0 of 10 is rejected, 1 of 10 is released at its first delivery, 2 of 10 is renewed once;
 *   all else is accepted
 * - hold: acknowledges nothing
 */
public class ShareMember {
  public static void main(String[] args) throws Exception {
    String address = args[0];
    String group = args[1];
    String topic = args[2];
    String mode = args[3];
    Properties settings = new Properties();
    settings.put("bootstrap.servers", address);
    if (mode.equals("configure")) {
      try (Admin admin = Admin.create(settings)) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.GROUP, group);
        List<AlterConfigOp> changes =
            List.of(
                set("share.auto.offset.reset", "earliest"),
                set("share.record.lock.duration.ms", args[4] + "000"));
        admin.incrementalAlterConfigs(Map.of(resource, changes)).all().get();
      }
      return;
    }
    settings.put("group.id", group);
    settings.put("share.acknowledgement.mode", mode.equals("implicit") ? "implicit" : "explicit");
    settings.put("max.poll.records", "50");
    settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    settings.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(settings)) {
      consumer.subscribe(List.of(topic));
      System.out.println("subscribed");
      while (System.in.available() == 0) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
        if (records.isEmpty()) continue;
        if (mode.equals("hold")) {
          for (ConsumerRecord<String, String> record : records) say("held", record);
          while (true) Thread.sleep(1000);
        }
        Map<Long, ConsumerRecord<String, String>> renewed = new HashMap<>();
        for (ConsumerRecord<String, String> record : records) {
          say("record", record);
          if (!mode.equals("explicit")) continue;
          long rest = Long.parseLong(record.value()) % 10;
          boolean isFirst = record.deliveryCount().orElse((short) 0) == 1;
          if (rest == 0) consumer.acknowledge(record, AcknowledgeType.REJECT);
          else if (rest == 1 && isFirst) consumer.acknowledge(record, AcknowledgeType.RELEASE);
          else if (rest == 2 && isFirst) {
            consumer.acknowledge(record, AcknowledgeType.RENEW);
            renewed.put(record.offset(), record);
          } else consumer.acknowledge(record);
        }
        check(consumer.commitSync());
        if (renewed.isEmpty()) continue;
        int accepted = 0;
        while (accepted < renewed.size()) {
          for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
            say("renewed", record);
            consumer.acknowledge(record);
            accepted++;
          }
          check(consumer.commitSync());
        }
      }
    }
    System.out.println("closed");
  }

  static AlterConfigOp set(String name, String value) {
    return new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
  }

  static void say(String word, ConsumerRecord<String, String> record) {
    System.out.println(word + " " + record.value() + " " + record.deliveryCount().orElse((short) 0));
  }

  static void check(Map<TopicIdPartition, Optional<KafkaException>> outcomes) {
    outcomes.forEach((partition, failure) -> failure.ifPresent(error -> System.out.println("failed " + partition + " " + error)));
  }
}

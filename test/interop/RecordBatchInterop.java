/*
 * The other side of the record-batch interop run (scripts/interop/interop-java.mjs): Kafka's own Java client writes batches for
 * us to read, and reads ours. One JSON object a line on standard output; a batch is described the same way in both
 * directions, as Kafka's classes read it.
 *
 *   generate <seed> <batches> <keys>   seeded batches by MemoryRecordsBuilder, then murmur2 values of random keys
 *   read                               per line of standard input: id TAB base64 of batches [TAB mask];
 *                                      with a mask also what the log cleaner's filterTo makes of keeping the records
 *                                      whose bit (offset - base offset, modulo 31) is set
 */

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.Utils;

public class RecordBatchInterop {
    private static final PrintStream OUT =
        new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] args) throws Exception {
        if (args[0].equals("generate")) {
            generate(Long.parseLong(args[1]), Integer.parseInt(args[2]), Integer.parseInt(args[3]));
        } else {
            read();
        }
        OUT.flush();
    }

    // ---- Java to Posthorn

    private static void generate(long seed, int batches, int keys) {
        Random random = new Random(seed);
        for (int i = 0; i < batches; i++) {
            OUT.println(i % 10 == 9 ? marker(random) : batch(random, i));
        }
        for (int i = 0; i < keys; i++) {
            byte[] key = new byte[i < 20 ? i : random.nextInt(64)];
            random.nextBytes(key);
            int partitions = 1 + random.nextInt(200);
            OUT.println("{\"kind\":\"murmur2\",\"key\":" + bytes(key) + ",\"hash\":" + Utils.murmur2(key)
                + ",\"partitions\":" + partitions
                + ",\"partition\":" + Utils.toPositive(Utils.murmur2(key)) % partitions + "}");
        }
    }

    private static String marker(Random random) {
        ControlRecordType type = random.nextBoolean() ? ControlRecordType.COMMIT : ControlRecordType.ABORT;
        int coordinatorEpoch = random.nextInt(1000);
        MemoryRecords records = MemoryRecords.withEndTransactionMarker(
            nextLong(random, 1L << 40), timestamp(random), -1, nextLong(random, 1L << 30),
            (short) random.nextInt(100), new EndTransactionMarker(type, coordinatorEpoch));
        return "{\"kind\":\"marker\",\"type\":\"" + type.name().toLowerCase() + "\",\"coordinatorEpoch\":"
            + coordinatorEpoch + "," + described(records) + "}";
    }

    private static String batch(Random random, int index) {
        boolean gzip = index % 3 == 2;
        boolean append = random.nextInt(4) == 0;
        boolean idempotent = random.nextInt(2) == 0;
        boolean gaps = random.nextInt(6) == 0;
        boolean transactional = idempotent && random.nextBoolean();
        long appendTime = append ? 1_700_000_000_000L + random.nextInt(1_000_000) : RecordBatch.NO_TIMESTAMP;
        long baseOffset = random.nextInt(3) == 0 ? 0 : nextLong(random, 1L << 50);
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(
            ByteBuffer.allocate(1024), RecordBatch.MAGIC_VALUE_V2,
            gzip ? Compression.gzip().build() : Compression.NONE,
            append ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME,
            baseOffset, appendTime,
            idempotent ? nextLong(random, 1L << 52) : RecordBatch.NO_PRODUCER_ID,
            idempotent ? (short) random.nextInt(Short.MAX_VALUE) : RecordBatch.NO_PRODUCER_EPOCH,
            idempotent ? random.nextInt(Integer.MAX_VALUE) : RecordBatch.NO_SEQUENCE,
            transactional, false, random.nextInt(3) - 1, Integer.MAX_VALUE);
        int count = random.nextInt(8) == 0 ? 30 : 1 + random.nextInt(6);
        long offset = baseOffset;
        List<String> created = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long timestamp = timestamp(random);
            created.add(Long.toString(timestamp));
            builder.appendWithOffset(offset, timestamp, content(random), content(random), headers(random));
            offset += gaps ? 1 + random.nextInt(100) : 1;
        }
        return "{\"kind\":\"batch\",\"gaps\":" + gaps + ",\"created\":[" + String.join(",", created) + "],"
            + described(builder.build()) + "}";
    }

    private static long nextLong(Random random, long bound) {
        return Math.floorMod(random.nextLong(), bound);
    }

    private static long timestamp(Random random) {
        switch (random.nextInt(12)) {
            case 0: return RecordBatch.NO_TIMESTAMP;
            case 1: return 0;
            case 2: return nextLong(random, 1L << 52);
            default: return 1_700_000_000_000L + random.nextInt(200_000) - 100_000;
        }
    }

    private static byte[] content(Random random) {
        int kind = random.nextInt(10);
        if (kind == 0) return null;
        int[] edges = {0, 63, 64, 65, 127, 128};
        byte[] content = new byte[kind == 1 ? edges[random.nextInt(edges.length)] : random.nextInt(24)];
        random.nextBytes(content);
        return content;
    }

    private static Header[] headers(Random random) {
        String[] names = {"", "a", "trace", "\u043a\u043b\u044e\u0447", "\ufeffbom", "\u65e5\u672c", "\ud83d\ude80x", "n".repeat(70)};
        Header[] headers = new Header[random.nextInt(3) == 0 ? 1 + random.nextInt(4) : 0];
        for (int i = 0; i < headers.length; i++) {
            headers[i] = new RecordHeader(names[random.nextInt(names.length)], content(random));
        }
        return headers;
    }

    private static String described(MemoryRecords records) {
        byte[] content = new byte[records.sizeInBytes()];
        records.buffer().duplicate().get(content);
        return "\"bytes\":" + bytes(content) + ",\"described\":" + describe(records.batches().iterator().next());
    }

    // ---- Posthorn to Java

    private static void read() throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t");
            String answer;
            try {
                answer = "\"batches\":" + describeAll(fields[1]);
                if (fields.length > 2) answer += ",\"filtered\":" + filter(fields[1], Integer.parseInt(fields[2]));
            } catch (Exception e) {
                answer = "\"error\":" + string(e.toString());
            }
            OUT.println("{\"id\":" + fields[0] + "," + answer + "}");
        }
    }

    private static MemoryRecords parse(String base64) {
        return MemoryRecords.readableRecords(ByteBuffer.wrap(Base64.getDecoder().decode(base64)));
    }

    private static String describeAll(String base64) {
        List<String> batches = new ArrayList<>();
        MemoryRecords records = parse(base64);
        int size = 0;
        for (MutableRecordBatch batch : records.batches()) {
            batch.ensureValid();
            batches.add(describe(batch));
            size += batch.sizeInBytes();
        }
        if (size != records.sizeInBytes()) throw new IllegalStateException("bytes left over");
        return batches.toString();
    }

    private static String filter(String base64, int mask) {
        MemoryRecords.RecordFilter filter = new MemoryRecords.RecordFilter(0, RecordBatch.NO_TIMESTAMP) {
            @Override
            protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
                return new BatchRetentionResult(BatchRetention.DELETE_EMPTY, false);
            }

            @Override
            protected boolean shouldRetainRecord(RecordBatch batch, Record record) {
                return (mask >> ((record.offset() - batch.baseOffset()) % 31) & 1) == 1;
            }
        };
        MemoryRecords.FilterResult result =
            parse(base64).filterTo(filter, ByteBuffer.allocate(1024), BufferSupplier.NO_CACHING);
        ByteBuffer output = result.outputBuffer();
        output.flip();
        List<String> batches = new ArrayList<>();
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(output).batches()) batches.add(describe(batch));
        return batches.toString();
    }

    // ---- JSON

    private static String describe(RecordBatch batch) {
        List<String> records = new ArrayList<>();
        for (Record record : batch) {
            record.ensureValid();
            List<String> headers = new ArrayList<>();
            for (Header header : record.headers()) {
                headers.add("[" + string(header.key()) + "," + bytes(header.value()) + "]");
            }
            records.add("{\"offset\":" + record.offset() + ",\"timestamp\":" + record.timestamp()
                + ",\"key\":" + bytes(record.key()) + ",\"value\":" + bytes(record.value())
                + ",\"headers\":" + headers + "}");
        }
        return "{\"baseOffset\":" + batch.baseOffset() + ",\"lastOffset\":" + batch.lastOffset()
            + ",\"sizeInBytes\":" + batch.sizeInBytes() + ",\"crc\":" + batch.checksum()
            + ",\"partitionLeaderEpoch\":" + batch.partitionLeaderEpoch()
            + ",\"compression\":" + string(batch.compressionType().name)
            + ",\"timestampType\":" + string(batch.timestampType() == TimestampType.LOG_APPEND_TIME ? "append" : "create")
            + ",\"isTransactional\":" + batch.isTransactional() + ",\"isControl\":" + batch.isControlBatch()
            + ",\"maxTimestamp\":" + batch.maxTimestamp() + ",\"producerId\":" + batch.producerId()
            + ",\"producerEpoch\":" + batch.producerEpoch() + ",\"baseSequence\":" + batch.baseSequence()
            + ",\"recordCount\":" + batch.countOrNull() + ",\"records\":" + records + "}";
    }

    private static String bytes(ByteBuffer buffer) {
        return buffer == null ? "null" : bytes(Utils.toArray(buffer));
    }

    private static String bytes(byte[] content) {
        return content == null ? "null" : "\"" + Base64.getEncoder().encodeToString(content) + "\"";
    }

    private static String string(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c >= ' ' && c < 127 && c != '"' && c != '\\') json.append(c);
            else json.append(String.format("\\u%04x", (int) c));
        }
        return json.append('"').toString();
    }
}

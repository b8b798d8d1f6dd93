import com.rabbitmq.client.*;
import java.io.IOException;
import java.util.*;
import java.util.concurrent.*;

/** RabbitMQ's Java client, as Spring uses it: declarations, confirms, returns, consumers, direct replies, transactions, errors, recovery. */
public class Check {
  static void equal(Object found, Object wanted, String what) {
    if (!Objects.equals(found, wanted)) throw new AssertionError(what + ": " + found + " is not " + wanted);
  }

  public static void main(String[] args) throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(System.getenv("AMQP_URL"));
    factory.setAutomaticRecoveryEnabled(true);
    try (Connection connection = factory.newConnection("a name of the application")) {
      confirms(connection);
      consumers(connection);
      replies(connection);
      transactions(connection);
      errors(connection);
    }
  }

  static void confirms(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    channel.exchangeDeclare("java orders", BuiltinExchangeType.DIRECT, true, false, Map.of("alternate-exchange", "java others"));
    channel.exchangeDeclare("java others", "fanout", true);
    String others = channel.queueDeclare("java others", true, false, false, null).getQueue();
    channel.queueBind(others, "java others", "");
    channel.queuePurge(others);
    channel.confirmSelect();
    ConcurrentNavigableMap<Long, Long> open = new ConcurrentSkipListMap<>();
    channel.addConfirmListener(
        (tag, multiple) -> { if (multiple) open.headMap(tag, true).clear(); else open.remove(tag); },
        (tag, multiple) -> { throw new IOException("a nack"); });
    for (int number = 0; number < 200; number++) {
      long tag = channel.getNextPublishSeqNo();
      open.put(tag, tag);
      channel.basicPublish("java orders", "nobody", MessageProperties.PERSISTENT_TEXT_PLAIN, new byte[100]);
    }
    channel.waitForConfirmsOrDie(30_000);
    equal(channel.messageCount(others), 200L, "messages by the alternate exchange");
    BlockingQueue<Return> returns = new LinkedBlockingQueue<>();
    channel.addReturnListener(returned -> returns.add(returned));
    channel.basicPublish("", "nobody is here", true, null, new byte[1]);
    equal(returns.poll(30, TimeUnit.SECONDS).getReplyCode(), 312, "the code of a return");
    channel.close();
    System.out.println("ok: confirms, an alternate exchange, returns");
  }

  static void consumers(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    Map<String, Object> arguments = new HashMap<>(Map.of("x-queue-type", "quorum", "x-delivery-limit", 3, "x-single-active-consumer", true));
    String queue = channel.queueDeclare("Java.Orders:OrderPlaced", true, false, false, arguments).getQueue();
    channel.queuePurge(queue);
    channel.basicQos(10, true);
    channel.basicQos(5, false);
    BlockingQueue<Delivery> taken = new LinkedBlockingQueue<>();
    String tag = channel.basicConsume(queue, false, "", false, false, Map.of("x-priority", 2), (t, delivery) -> taken.add(delivery), t -> {});
    Map<String, Object> headers = Map.of("text", "a", "number", 1L, "list", List.of("a", 1), "when", new Date(1_700_000_000_000L));
    AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder().headers(headers).correlationId("c").build();
    channel.basicPublish("", queue, properties, "first".getBytes());
    Delivery first = taken.poll(30, TimeUnit.SECONDS);
    equal(first.getProperties().getCorrelationId(), "c", "the correlation id");
    equal(first.getProperties().getHeaders().get("when"), new Date(1_700_000_000_000L), "a date among the headers");
    channel.basicNack(first.getEnvelope().getDeliveryTag(), false, true);
    Delivery again = taken.poll(30, TimeUnit.SECONDS);
    equal(again.getEnvelope().isRedeliver(), true, "it comes again");
    channel.basicAck(again.getEnvelope().getDeliveryTag(), true);
    channel.basicCancel(tag);
    channel.queueDelete(queue);
    channel.close();
    System.out.println("ok: consumers");
  }

  static void replies(Connection connection) throws Exception {
    Channel server = connection.createChannel();
    String queue = server.queueDeclare().getQueue();
    server.basicConsume(queue, true, (tag, request) -> server.basicPublish("", request.getProperties().getReplyTo(),
        new AMQP.BasicProperties.Builder().correlationId(request.getProperties().getCorrelationId()).build(), "pong".getBytes()), tag -> {});
    Channel client = connection.createChannel();
    RpcClient rpc = new RpcClient(new RpcClientParams().channel(client).exchange("").routingKey(queue).replyTo("amq.rabbitmq.reply-to").timeout(30_000));
    equal(new String(rpc.primitiveCall("ping".getBytes())), "pong", "a reply");
    rpc.close();
    System.out.println("ok: direct replies");
  }

  static void transactions(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    String queue = channel.queueDeclare().getQueue();
    channel.txSelect();
    channel.basicPublish("", queue, null, "undone".getBytes());
    channel.txRollback();
    channel.basicPublish("", queue, null, "done".getBytes());
    channel.txCommit();
    equal(new String(channel.basicGet(queue, true).getBody()), "done", "what was committed");
    channel.txCommit();
    equal(channel.messageCount(queue), 0L, "what is left");
    System.out.println("ok: transactions");
  }

  static void errors(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    try {
      channel.queueDeclarePassive("nowhere");
      throw new AssertionError("no error");
    } catch (IOException error) {
      ShutdownSignalException cause = (ShutdownSignalException) error.getCause();
      equal(((AMQP.Channel.Close) cause.getReason()).getReplyCode(), 404, "the code");
    }
    equal(connection.isOpen(), true, "the connection stays open");
    System.out.println("ok: errors");
  }
}

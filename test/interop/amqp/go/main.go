// RabbitMQ's Go client: declarations, confirms, consumers, returns, transactions, errors.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func equal[T comparable](found, wanted T, what string) {
	if found != wanted {
		panic(fmt.Sprintf("%s: %v is not %v", what, found, wanted))
	}
}

func main() {
	connection := must(amqp.Dial(os.Getenv("AMQP_URL")))
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	channel := must(connection.Channel())
	check(channel.ExchangeDeclare("go orders", "topic", true, false, false, false, nil))
	queue := must(channel.QueueDeclare("go orders eu", true, false, false, false, amqp.Table{
		"x-max-priority": int32(5), "x-message-ttl": int32(60000), "x-dead-letter-exchange": "go dead",
	}))
	check(channel.ExchangeDeclare("go dead", "fanout", true, false, false, false, nil))
	dead := must(channel.QueueDeclare("go dead", true, false, false, false, nil))
	check(channel.QueueBind(dead.Name, "", "go dead", false, nil))
	check(channel.QueueBind(queue.Name, "orders.#", "go orders", false, nil))
	must(channel.QueuePurge(queue.Name, false))
	must(channel.QueuePurge(dead.Name, false))

	check(channel.Confirm(false))
	for number := 0; number < 3; number++ {
		confirm := must(channel.PublishWithDeferredConfirmWithContext(ctx, "go orders", "orders.eu", true, false, amqp.Publishing{
			ContentType: "text/plain", Body: fmt.Appendf(nil, "order %d", number), DeliveryMode: amqp.Persistent,
			Headers: amqp.Table{"number": int64(number), "at": time.Unix(1700000000, 0), "nested": amqp.Table{"list": []any{"a", int32(1)}}},
		}))
		equal(must(confirm.WaitContext(ctx)), true, "a confirm")
	}
	fmt.Println("ok: publishes are confirmed")

	returns := channel.NotifyReturn(make(chan amqp.Return, 1))
	check(channel.PublishWithContext(ctx, "", "nobody is here", true, false, amqp.Publishing{Body: []byte("lost")}))
	returned := <-returns
	equal(returned.ReplyCode, 312, "the code of a return")
	fmt.Println("ok: an unroutable message comes back")

	check(channel.Qos(2, 0, false))
	deliveries := must(channel.ConsumeWithContext(ctx, queue.Name, "", false, false, false, false, nil))
	for number := 0; number < 3; number++ {
		delivery := <-deliveries
		equal(string(delivery.Body), fmt.Sprintf("order %d", number), "an order")
		equal(delivery.Headers["number"].(int64), int64(number), "its header")
		if number == 0 {
			check(delivery.Reject(false))
		} else {
			check(delivery.Ack(false))
		}
	}
	fmt.Println("ok: deliveries in their order")

	second := must(connection.Channel())
	var letter amqp.Delivery
	for found := false; !found; {
		var err error
		letter, found, err = second.Get(dead.Name, true)
		check(err)
	}
	death := letter.Headers["x-death"].([]any)[0].(amqp.Table)
	equal(death["queue"].(string), queue.Name, "where it died")
	equal(death["reason"].(string), "rejected", "why it died")
	fmt.Println("ok: a rejected message is a dead letter")

	check(second.Tx())
	check(second.PublishWithContext(ctx, "", dead.Name, false, false, amqp.Publishing{Body: []byte("in a transaction")}))
	check(second.TxCommit())
	transacted, _ := must2(second.Get(dead.Name, false))
	check(transacted.Ack(false))
	check(second.TxCommit())
	fmt.Println("ok: a transaction")

	third := must(connection.Channel())
	closed := third.NotifyClose(make(chan *amqp.Error, 1))
	_, err := third.QueueDeclarePassive("nowhere", true, false, false, false, nil)
	var problem *amqp.Error
	if !errors.As(err, &problem) {
		panic(err)
	}
	equal(problem.Code, 404, "the code of an error")
	<-closed
	fmt.Println("ok: errors close the channel")

	check(connection.UpdateSecret("guest", "renewed"))
	must(channel.QueueDelete(queue.Name, false, false, false))
	must(channel.QueueDelete(dead.Name, false, false, false))
	fmt.Println("ok: a secret is renewed")
}

func must2(delivery amqp.Delivery, found bool, err error) (amqp.Delivery, bool) {
	check(err)
	if !found {
		panic("no message")
	}
	return delivery, found
}

/** What an isolate evaluates when it first has to do with AMQP: in one piece, because what both use would be pieces of their own. */

export { acceptAmqp } from './accept-amqp.ts';
export { rabbitmqDocument } from './rabbitmq-document.ts';

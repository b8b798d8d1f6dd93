import { mkdtemp } from 'node:fs/promises';
import { KafkaServer } from '../../gateway/kafka/kafka-server.ts';
import { startBroker } from '../broker/broker.ts';
const broker = await startBroker({ dataPath: await mkdtemp('/tmp/wt/rdk/data-'), port: 0 });
const server = await KafkaServer.start({
  url: broker.url,
  port: Number(process.argv[2]),
  autoCreate: true,
  ...(process.argv[3] ? { partitions: Number(process.argv[3]) } : {}),
} as never);
console.log('ours at', server.port, broker.url);
process.on('SIGTERM', async () => {
  await server.stop();
  await broker.stop();
  process.exit(0);
});

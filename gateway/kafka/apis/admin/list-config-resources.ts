/** ListConfigResources: topics, share groups and the one broker, whose settings DescribeConfigs tells. */

import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure } from '../../broker/broker-errors.ts';
import { NODE_ID, type Handler, type Session } from '../../session.ts';

/** `ConfigResource.Type`. */
const TYPE = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;

/** Of brokers' loggers and of metrics of clients there are none here. */
const KNOWN: readonly number[] = Object.values(TYPE);

/** Before it only settings of metrics of clients were asked for. */
const TYPES_VERSION = 1;

export const listConfigResources: Handler<{ resourceTypes: number[] }> = async (
  { client },
  { resourceTypes },
  version,
) => {
  const types = version < TYPES_VERSION ? [TYPE.clientMetrics] : resourceTypes;
  const unknown = types.find((type) => !KNOWN.includes(type));
  if (unknown !== undefined) {
    return { ...kafkaFailure('UNSUPPORTED_VERSION', `type ${unknown}`), configResources: [] };
  }
  const isAsked = (type: number): boolean => types.length === 0 || types.includes(type);
  try {
    return {
      errorCode: ERRORS.NONE,
      configResources: [
        ...(isAsked(TYPE.topic) ? named(TYPE.topic, await topicsOf(client)) : []),
        ...(isAsked(TYPE.broker) ? named(TYPE.broker, [String(NODE_ID)]) : []),
        ...(isAsked(TYPE.group) ? named(TYPE.group, await groupsOf(client)) : []),
      ],
    };
  } catch (error) {
    return { ...failureOf(error, 'cluster'), configResources: [] };
  }
};

const topicsOf = async ({ directory }: Session['client']): Promise<string[]> =>
  (await directory.list()).map(({ topic }) => topic);

const groupsOf = async ({ shareGroups }: Session['client']): Promise<string[]> =>
  (await shareGroups.list()).map(({ shareGroup }) => shareGroup);

const named = (resourceType: number, names: readonly string[]): object[] =>
  names.map((resourceName) => ({ resourceName, resourceType }));

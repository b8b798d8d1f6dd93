/** DescribeConfigs, AlterConfigs, IncrementalAlterConfigs: settings of topics; and the few of the one broker that clients ask for. */

import {
  TOPIC_DEFAULTS_OF_CONFIGS,
  describedConfigs,
  fieldsOfConfigs,
  SOURCE,
  TYPE,
  type GivenConfig,
} from '../topics/topic-configs.ts';
import { isName, NAME_RULE } from '../../../protocol/names/name-rule.ts';
import { changeGroupConfigs, groupConfigs } from '../share/group-configs.ts';
import type { BrokerClient } from '../broker/broker-client.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../broker/broker-errors.ts';
import { NODE_ID, type Handler, type Session } from '../session.ts';

/** `ConfigResource.Type`. */
const RESOURCE = { topic: 2, broker: 4, group: 32 } as const;

interface BrokerConfig {
  name: string;
  value: (session: Session) => string;
  type: number;
  /** Whoever starts the broker says it: there is no default. */
  isGiven?: true;
}

const BROKER_CONFIGS: readonly BrokerConfig[] = [
  {
    name: 'advertised.listeners',
    value: ({ address: { host, port } }) => `PLAINTEXT://${host}:${port}`,
    type: TYPE.list,
    isGiven: true,
  },
  { name: 'auto.create.topics.enable', value: ({ autoCreate }) => String(autoCreate), type: TYPE.boolean },
  { name: 'default.replication.factor', value: () => '1', type: TYPE.int },
  { name: 'num.partitions', value: ({ partitions }) => String(partitions), type: TYPE.int },
  { name: 'offsets.topic.replication.factor', value: () => '1', type: TYPE.int },
];

interface DescribeConfigsRequest {
  resources: { resourceType: number; resourceName: string; configurationKeys: string[] | null }[];
}

export const describeConfigs: Handler<DescribeConfigsRequest> = async (session, { resources }) => ({
  results: await Promise.all(
    resources.map(async ({ resourceType, resourceName, configurationKeys }) => {
      const configs = await configsOf(session, resourceType, resourceName);
      const asked = { resourceType, resourceName };
      if (!Array.isArray(configs)) return { ...asked, ...configs, configs: [] };
      const isAsked = ({ name }: Described): boolean =>
        configurationKeys === null || configurationKeys.length === 0 || configurationKeys.includes(name);
      return { ...asked, errorCode: ERRORS.NONE, errorMessage: null, configs: configs.filter(isAsked) };
    }),
  ),
});

interface Described {
  name: string;
  value: string;
  readOnly: boolean;
  isDefault: boolean;
  configSource: number;
  isSensitive: boolean;
  configType: number;
}

async function configsOf(session: Session, type: number, name: string): Promise<Described[] | KafkaFailure> {
  if (type === RESOURCE.broker) {
    if (name !== '' && name !== String(NODE_ID))
      return kafkaFailure('INVALID_REQUEST', `there is no broker ${name}`);
    return BROKER_CONFIGS.map((config) => ({
      name: config.name,
      value: config.value(session),
      readOnly: true,
      isDefault: config.isGiven !== true,
      configSource: config.isGiven ? SOURCE.broker : SOURCE.default,
      isSensitive: false,
      configType: config.type,
    }));
  }
  if (type === RESOURCE.group) return await configsOfGroup(session, name);
  if (type !== RESOURCE.topic)
    return kafkaFailure('INVALID_REQUEST', `there are no settings of resources of type ${type}`);
  try {
    const topic = await session.client.directory.get(name);
    if (!topic) return kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`);
    const defaults = new Map(TOPIC_DEFAULTS_OF_CONFIGS.map((config) => [config.name, config.value]));
    return describedConfigs(topic).map((config) => {
      const isDefault = defaults.get(config.name) === config.value;
      return {
        name: config.name,
        value: config.value,
        readOnly: config.isReadOnly,
        isDefault,
        configSource: isDefault ? SOURCE.default : SOURCE.topic,
        isSensitive: false,
        configType: config.type,
      };
    });
  } catch (error) {
    return failureOf(error, 'topic');
  }
}

async function configsOfGroup({ client }: Session, group: string): Promise<Described[] | KafkaFailure> {
  if (!isName(group)) return kafkaFailure('INVALID_REQUEST', `group: expected ${NAME_RULE}`);
  try {
    return (await groupConfigs(client, group)).map(({ name, value, default: otherwise, type }) => ({
      name,
      value,
      readOnly: false,
      isDefault: value === otherwise,
      configSource: value === otherwise ? SOURCE.default : SOURCE.group,
      isSensitive: false,
      configType: type,
    }));
  } catch (error) {
    return failureOf(error, 'group');
  }
}

interface AlterConfigsRequest {
  resources: { resourceType: number; resourceName: string; configs: GivenConfig[] }[];
  validateOnly: boolean;
}

/** All settings at once: those that are left out take their defaults. */
export const alterConfigs: Handler<AlterConfigsRequest> = async (session, { resources, validateOnly }) => ({
  responses: await Promise.all(
    resources.map(async ({ resourceType, resourceName, configs }) => {
      const given = new Map(configs.map(({ name, value }) => [name, value]));
      if (resourceType === RESOURCE.group) {
        const outcome = await alter(session, resourceType, resourceName, configs, validateOnly);
        return { resourceType, resourceName, ...outcome };
      }
      const others = TOPIC_DEFAULTS_OF_CONFIGS.filter(({ name }) => !given.has(name));
      const all = [...configs.filter(({ value }) => value !== null), ...others];
      return {
        resourceType,
        resourceName,
        ...(await alter(session, resourceType, resourceName, all, validateOnly)),
      };
    }),
  ),
});

interface IncrementalAlterConfigsRequest {
  resources: {
    resourceType: number;
    resourceName: string;
    configs: GivenChange[];
  }[];
  validateOnly: boolean;
}

type GivenChange = GivenConfig & { configOperation: number };

const OPERATION = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export const incrementalAlterConfigs: Handler<IncrementalAlterConfigsRequest> = async (
  session,
  { resources, validateOnly },
) => ({
  responses: await Promise.all(
    resources.map(async ({ resourceType, resourceName, configs }) => {
      const isListed = configs.some(({ configOperation }) => configOperation >= OPERATION.append);
      const topic =
        isListed && resourceType === RESOURCE.topic ? await session.client.directory.get(resourceName) : null;
      if (isListed && resourceType === RESOURCE.topic && topic === null) {
        const failure = kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${resourceName}"`);
        return { resourceType, resourceName, ...failure };
      }
      const before = new Map(topic && describedConfigs(topic).map((config) => [config.name, config]));
      const changes = configs.map((config) => changeOf(config, before.get(config.name)));
      const failed = changes.find((change) => 'errorCode' in change);
      const outcome =
        failed ?? (await alter(session, resourceType, resourceName, changes as GivenConfig[], validateOnly));
      return { resourceType, resourceName, ...outcome };
    }),
  ),
});

/** @param before the setting as it is, if items are added to its list or taken from it */
function changeOf(
  { name, value, configOperation }: GivenChange,
  before: { value: string; type: number } | undefined,
): GivenConfig | KafkaFailure {
  if (configOperation === OPERATION.set) return { name, value };
  if (configOperation === OPERATION.delete) {
    return { name, value: TOPIC_DEFAULTS_OF_CONFIGS.find((config) => config.name === name)?.value ?? null };
  }
  if (before?.type !== TYPE.list)
    return kafkaFailure('INVALID_CONFIG', `${name}: nothing is added to or taken from it, as it is no list`);
  const items = before.value.split(',').filter(Boolean);
  const given = (value ?? '').split(',').map((item) => item.trim());
  const left = items.filter((item) => !given.includes(item));
  return { name, value: (configOperation === OPERATION.append ? [...left, ...given] : left).join(',') };
}

async function alter(
  { client }: Session,
  type: number,
  name: string,
  configs: readonly GivenConfig[],
  isDryRun: boolean,
): Promise<KafkaFailure | { errorCode: number; errorMessage: null }> {
  if (type === RESOURCE.group) return await alterGroup(client, name, configs, isDryRun);
  if (type !== RESOURCE.topic)
    return kafkaFailure('INVALID_REQUEST', 'only settings of topics and groups can be changed');
  const fields = fieldsOfConfigs(configs);
  if ('errorCode' in fields) return fields as KafkaFailure;
  try {
    const found = await client.directory.get(name);
    if (!found) return kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`);
    if (!isDryRun && Object.keys(fields).length > 0) await client.topics.change(name, fields);
    return { errorCode: ERRORS.NONE, errorMessage: null };
  } catch (error) {
    return failureOf(error, 'topic');
  }
}

async function alterGroup(
  client: BrokerClient,
  group: string,
  configs: readonly GivenConfig[],
  isDryRun: boolean,
): Promise<KafkaFailure | { errorCode: number; errorMessage: null }> {
  if (!isName(group)) return kafkaFailure('INVALID_REQUEST', `group: expected ${NAME_RULE}`);
  try {
    const refused = await changeGroupConfigs(client, group, configs, isDryRun);
    return refused ?? { errorCode: ERRORS.NONE, errorMessage: null };
  } catch (error) {
    return failureOf(error, 'group');
  }
}

/** APIs: the handler of each. A test holds the list to what the connection machine serves. */

import { ADVERTISED, ADVERTISED_FEATURES } from '../../../wire/kafka/served-apis.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import type { Handler } from '../session.ts';
import { alterConfigs, describeConfigs, incrementalAlterConfigs } from './configs.ts';
import { consumerGroupDescribe, consumerGroupHeartbeat } from './consumer-groups.ts';
import { deleteRecords } from './admin/delete-records.ts';
import { fetch } from './fetch.ts';
import { deleteGroups, describeGroups, listGroups } from './group-admin.ts';
import { heartbeat, joinGroup, leaveGroup, syncGroup } from './groups.ts';
import { listOffsets, offsetForLeaderEpoch } from './list-offsets.ts';
import { describeCluster, findCoordinator, metadata } from './metadata.ts';
import { describeLogDirs } from './admin/describe-log-dirs.ts';
import { describeProducers } from './admin/describe-producers.ts';
import { describeTopicPartitions } from './admin/describe-topic-partitions.ts';
import { alterPartitionReassignments, electLeaders, listPartitionReassignments } from './admin/leaders.ts';
import { listConfigResources } from './admin/list-config-resources.ts';
import { listTransactions } from './admin/list-transactions.ts';
import { describeTransactions } from './admin/describe-transactions.ts';
import { offsetDelete } from './admin/offset-delete.ts';
import { offsetCommit, offsetFetch } from './offsets.ts';
import { shareAcknowledge, shareFetch } from './share/share-fetch.ts';
import {
  alterShareGroupOffsets,
  deleteShareGroupOffsets,
  describeShareGroupOffsets,
} from './share/share-offsets.ts';
import { shareGroupDescribe, shareGroupHeartbeat } from './share/share-groups.ts';
import { produce } from './produce.ts';
import { createPartitions, createTopics, deleteTopics } from './topics.ts';
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  initProducerId,
  txnOffsetCommit,
} from './transactions.ts';

const apiVersions: Handler<unknown> = async () => ({
  errorCode: ERRORS.NONE,
  apiKeys: ADVERTISED,
  ...ADVERTISED_FEATURES,
});

export const HANDLERS: Readonly<Record<string, Handler<never>>> = {
  AddOffsetsToTxn: addOffsetsToTxn,
  AddPartitionsToTxn: addPartitionsToTxn,
  AlterConfigs: alterConfigs,
  AlterPartitionReassignments: alterPartitionReassignments,
  AlterShareGroupOffsets: alterShareGroupOffsets,
  ApiVersions: apiVersions,
  ConsumerGroupDescribe: consumerGroupDescribe,
  ConsumerGroupHeartbeat: consumerGroupHeartbeat,
  CreatePartitions: createPartitions,
  CreateTopics: createTopics,
  DeleteGroups: deleteGroups,
  DeleteRecords: deleteRecords,
  DeleteShareGroupOffsets: deleteShareGroupOffsets,
  DeleteTopics: deleteTopics,
  DescribeCluster: describeCluster,
  DescribeConfigs: describeConfigs,
  DescribeGroups: describeGroups,
  DescribeLogDirs: describeLogDirs,
  DescribeProducers: describeProducers,
  DescribeShareGroupOffsets: describeShareGroupOffsets,
  DescribeTopicPartitions: describeTopicPartitions,
  DescribeTransactions: describeTransactions,
  ElectLeaders: electLeaders,
  EndTxn: endTxn,
  Fetch: fetch,
  FindCoordinator: findCoordinator,
  Heartbeat: heartbeat,
  IncrementalAlterConfigs: incrementalAlterConfigs,
  InitProducerId: initProducerId,
  JoinGroup: joinGroup,
  LeaveGroup: leaveGroup,
  ListConfigResources: listConfigResources,
  ListGroups: listGroups,
  ListOffsets: listOffsets,
  ListPartitionReassignments: listPartitionReassignments,
  ListTransactions: listTransactions,
  Metadata: metadata,
  OffsetCommit: offsetCommit,
  OffsetDelete: offsetDelete,
  OffsetFetch: offsetFetch,
  OffsetForLeaderEpoch: offsetForLeaderEpoch,
  Produce: produce,
  ShareAcknowledge: shareAcknowledge,
  ShareFetch: shareFetch,
  ShareGroupDescribe: shareGroupDescribe,
  ShareGroupHeartbeat: shareGroupHeartbeat,
  SyncGroup: syncGroup,
  TxnOffsetCommit: txnOffsetCommit,
};

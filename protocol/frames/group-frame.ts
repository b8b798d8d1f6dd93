/** Group frames: records for a member of a group, as bytes. The first batch of a section may begin before its start offset. */

import type { IdentifiedPartition, MemberReply } from '../schemas/groups.ts';
import { decodeSectionFrame, encodeSectionFrame, type Section, type WithBatches } from './section-frame.ts';

export interface GroupSection extends IdentifiedPartition, Section {
  start_offset: number;
  next_offset: number;
  high_watermark: number;
  log_start_offset: number;
}

export interface GroupFrame {
  member: MemberReply;
  sections: WithBatches<GroupSection>[];
}

export function encodeGroupFrame({ member, sections }: GroupFrame): Uint8Array {
  return encodeSectionFrame(member, sections);
}

/** Reads what `encodeGroupFrame` wrote; a RangeError for anything else. */
export function decodeGroupFrame(bytes: Uint8Array): GroupFrame {
  const { heading, sections } = decodeSectionFrame<MemberReply, GroupSection>(bytes);
  return { member: heading, sections };
}

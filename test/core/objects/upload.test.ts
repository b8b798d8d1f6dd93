import { describe, expect, it } from 'vitest';
import {
  abandonedKeys,
  openUploadKey,
  UPLOAD_MS_MAX,
  uploadId,
  uploadKey,
} from '../../../core/objects/upload.ts';

const UNIQUE = '01234567-89ab-cdef-0123-456789abcdef';
const NOW = 1_790_000_000_000;

describe('an upload', () => {
  it('is open for a day', () => {
    const upload = uploadId(NOW, UNIQUE);
    expect(openUploadKey(upload, NOW)).toBe(`uploads/${upload}`);
    expect(openUploadKey(upload, NOW + UPLOAD_MS_MAX - 1)).toBe(`uploads/${upload}`);
    expect(openUploadKey(upload, NOW + UPLOAD_MS_MAX)).toMatchObject({ code: 'upload_not_found' });
  });

  it.each(['', 'x', `../${UNIQUE}`, `${uploadId(NOW, UNIQUE)}x`])('is none with the id "%s"', (upload) => {
    expect(openUploadKey(upload, NOW)).toMatchObject({ code: 'upload_not_found' });
  });

  it('is abandoned an hour after it may not go on, the oldest first in the order of keys', () => {
    const keys = [0, 1, 2, 30].map((hours) => uploadKey(uploadId(NOW + hours * 3_600_000, UNIQUE)));
    expect(keys.toSorted()).toEqual(keys);
    expect(abandonedKeys(keys, NOW + UPLOAD_MS_MAX)).toEqual([]);
    expect(abandonedKeys(keys, NOW + UPLOAD_MS_MAX + 2 * 3_600_000)).toEqual(keys.slice(0, 2));
    expect(abandonedKeys(keys, NOW + 3 * UPLOAD_MS_MAX)).toEqual(keys);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, slotBytes } from '../src/record.js';

const record = { sequence: 7, refreshToken: 'r'.repeat(672), idempotencyKey: 'k'.repeat(32), userId: 2 ** 52 - 1, endReason: undefined, endedAt: undefined, from: '1z141z3' };

test('a record comes back as it was written', () => {
  assert.deepEqual(decode(encode(record)), record);
  const ended = { ...record, endReason: 'session_ended', endedAt: 1790000000.25 };
  assert.deepEqual(decode(encode(ended)), ended);
});

test('the id of a user may be text', () => {
  const text = { ...record, userId: 'x'.repeat(64) };
  assert.deepEqual(decode(encode(text)), text);
  assert.ok(encode({ ...text, endReason: 'refresh_token_invalid', endedAt: 1790000000.123456 }).length <= slotBytes);
});

test('the largest record that the server can cause fits into a slot', () => {
  assert.ok(encode({ ...record, endReason: 'refresh_token_invalid', endedAt: 1790000000.123456 }).length <= slotBytes);
});

test('a write that was torn at any byte is no record', () => {
  const text = encode(record);
  for (let length = 0; length < text.length; length++) {
    assert.equal(decode(text.slice(0, length)), undefined, `cut at ${length}`);
  }
});

test('a text of somebody else is no record', () => {
  for (const text of ['', ' ', 'null', '{}', '[1,2]', 'abc [1,7]']) {
    assert.equal(decode(text), undefined, text);
  }
});

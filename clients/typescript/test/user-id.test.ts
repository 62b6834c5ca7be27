import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameUser, type UserID } from '../src/index.js';

test('ids of users are compared as text, whether they are numbers or strings', () => {
  const rows: [UserID | undefined, UserID | undefined, boolean][] = [
    [7, 7, true],
    [7, '7', true],
    ['9007199254740993', '9007199254740993', true],
    ['9007199254740993', '9007199254740992', false],
    ['6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b', '6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b', true],
    ['ABC', 'abc', false],
    [7, 8, false],
    [7, undefined, false],
    ['undefined', undefined, false],
    [undefined, undefined, true],
  ];
  for (const [a, b, same] of rows) {
    assert.equal(sameUser(a, b), same, `${a} and ${b}`);
    assert.equal(sameUser(b, a), same, `${b} and ${a}`);
  }
});

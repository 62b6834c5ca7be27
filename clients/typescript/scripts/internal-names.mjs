// Members that only this package uses. The build shortens them, so that none of them may be a member of anything
// that an app sees, or that the platform, React, axios or a native module has.
export const internalNames = [
  'allows', 'apart', 'authorize', 'backoff', 'bearerSent', 'begun', 'claim', 'deviceToken',
  'dispensable', 'endReason', 'envelope', 'epoch', 'fallback', 'flowPending', 'idempotencyKey', 'isAuthenticated', 'isClosed',
  'isNewest', 'keeper', 'keepToken', 'lastLoss', 'refreshed', 'refusals', 'renew', 'review', 'sequence', 'settings',
  'settle', 'slots', 'succeed', 'takeFree', 'tokenRefused', 'transport', 'wanted', 'withdraw',
  'abortRefresh', 'adopting', 'discard', 'hold', 'isUnderway', 'leave', 'leaveKeeper', 'leaving', 'look', 'memory', 'needed', 'news', 'note', 'overtake', 'revocations', 'share', 'tokenFor',
  'fail', 'forget', 'isLost', 'keep', 'lost', 'record', 'taken', 'wait',
  'before', 'begin', 'codes', 'device', 'known', 'life', 'load', 'place', 'drop', 'fresh', 'idle', 'lose', 'nobody', 'operation', 'resume', 'rules', 'stored',
];

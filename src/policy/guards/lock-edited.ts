import type { Guard, LockState } from './guard.ts';

/** A lock that is not as a run wrote it: everything else would be compared with what somebody put there. */
export const lockEdited: Guard = {
  name: 'lock-edited',
  check:
    'Compare allowlist.lock.json with the commit that last changed it (git log -p), and restore it unless the edit is understood.',
  cannot: ({ baseline }) =>
    baseline !== undefined && baseline.lock === 'unknown' ? 'an earlier version wrote the lock' : undefined,
  judge: ({ baseline }) => {
    const message = MESSAGES[baseline?.lock ?? 'whole'];
    return message === undefined ? [] : [{ refuse: true, message: `allowlist.lock.json ${message}` }];
  },
};

const MESSAGES: Readonly<Partial<Record<LockState, string>>> = {
  edited:
    'was edited after a run wrote it, by hand, a merge or a filter, and the guards compare with it; restore it from the repository',
  unsigned:
    'carries no signature, though a key is configured (sign.key): somebody took it off, or this is the first run with the key',
  'signed by another':
    'is not signed with the key that is configured (sign.key): another wrote it, or the key was changed',
};

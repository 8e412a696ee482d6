import type { Guard } from './guard.ts';

/** A lock that is not as a run wrote it: everything else would be compared with what somebody put there. */
export const lockEdited: Guard = {
  name: 'lock-edited',
  cannot: ({ baseline }) =>
    baseline !== undefined && baseline.lock === 'unknown' ? 'an earlier version wrote the lock' : undefined,
  judge: ({ baseline }) =>
    baseline?.lock === 'edited'
      ? [
          {
            refuse: true,
            message:
              'allowlist.lock.json was edited after a run wrote it, by hand, a merge or a filter, and the guards compare with it; restore it from the repository',
          },
        ]
      : [],
};

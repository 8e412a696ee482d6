import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { withoutM365 } from '../../src/replay/without-m365.ts';

it('leaves endpoint sets of Microsoft 365 out of a replay, and rules that have nothing else', () => {
  const { config, touched } = withoutM365(
    parseConfig(
      [
        'version: 1',
        'rules:',
        '  - { name: office, m365: [{}] }',
        '  - { name: both, serviceTags: [Storage], ports: [443], m365: [{ ids: [1] }] }',
        '  - { name: storage, serviceTags: [Storage], ports: [443] }',
        'targets: { squid: {} }',
      ].join('\n'),
      'allowlist.yaml',
    ),
  );
  expect(config.rules.map(({ name, m365 }) => [name, m365])).toEqual([
    ['both', []],
    ['storage', []],
  ]);
  expect(touched).toEqual(['office', 'both']);
});

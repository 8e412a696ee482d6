import type { Notice, Proposal } from '../../src/forge/forge.ts';

export const proposal: Proposal = {
  source: 'azure-allowlist/update',
  target: 'main',
  title: 'Azure allowlist of 2026-01-12: +648 -64 IPv4',
  body: '# Review\n\nNewly allowed: 648 IPv4 addresses.\n',
  labels: ['routine'],
  reviewers: [],
  draft: false,
  autoMerge: false,
};

export const notice: Notice = {
  title: 'Azure allowlist: refused by tag-shrink',
  body: 'AzureCloud loses 40 %.\n',
  label: 'azure-allowlist-refused',
};

import { describe, expect, test } from 'vitest';
import { closest } from '../src/suggest.ts';

const TAGS = [
  'AzureActiveDirectory',
  'AzureActiveDirectory.ServiceEndpoint',
  'AzureCloud',
  'AzureCloud.westeurope',
  'ServiceBus',
  'Storage',
  'Storage.WestEurope',
  'Storage.WestUS',
];

describe('closest', () => {
  test.each([
    ['AzureActiveDirectry', 3, ['AzureActiveDirectory']],
    ['azurecloud', 1, ['AzureCloud']],
    ['Storage.WestEuropa', 1, ['Storage.WestEurope']],
    ['storage', 3, ['Storage', 'Storage.WestUS', 'Storage.WestEurope']],
    ['storage', 2, ['Storage', 'Storage.WestUS']],
    ['Kubernetes', 3, []],
    ['', 3, []],
    ['S', 3, []],
  ])('%j, at most %d: %j', (word, limit, expected) => {
    expect(closest(word, TAGS, limit)).toEqual(expected);
  });

  test('does not depend on the order of the candidates, nor repeats one', () => {
    expect(closest('rule', ['rules', 'ruler', 'rules'])).toEqual(['ruler', 'rules']);
    expect(closest('rule', ['ruler', 'rules'])).toEqual(closest('rule', ['rules', 'ruler']));
  });
});

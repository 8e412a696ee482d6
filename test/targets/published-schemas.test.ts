import { CiliumNetworkPolicy } from '@kubernetes-models/cilium/cilium.io/v2/CiliumNetworkPolicy';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Policy } from '../../src/policy/policy.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import type { RuleFile } from '../../src/targets/render.ts';
import published from '../published-schemas.json' with { type: 'json' };
import { exampleOptions } from '../support/manifests.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { buildBundled } from '../support/rule-files.ts';

/*
 * Documents for Terraform, Azure Resource Manager and Kubernetes, held to the schemas that their makers publish: of the
 * resources of Terraform's providers and of Azure's client library as `scripts/condense-published-schemas.js` condenses
 * them, of Cilium as its package brings them, of Calico as its custom resource definitions say.
 */

type Json = ReturnType<typeof JSON.parse>;

const ajv = new Ajv({ strict: true, allowUnionTypes: true });

const text = { type: 'string' };
const closed = (properties: object, ...required: readonly string[]) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/**
 * The parts of Calico's definitions that a policy of ours could use, in version 3.30
 * (libcalico-go/config/crd/crd.projectcalico.org_globalnetworksets.yaml and …_globalnetworkpolicies.yaml, read 2026-11-29).
 */
const CALICO: Readonly<Record<string, object>> = {
  GlobalNetworkSet: closed({ nets: { type: 'array', items: text } }),
  GlobalNetworkPolicy: closed({
    applyOnForward: { type: 'boolean' },
    doNotTrack: { type: 'boolean' },
    order: { type: 'number' },
    selector: text,
    tier: text,
    types: { type: 'array', items: text },
    egress: {
      type: 'array',
      items: closed(
        {
          action: text,
          protocol: { type: ['integer', 'string'] },
          ipVersion: { type: 'integer' },
          destination: closed({
            namespaceSelector: text,
            nets: { type: 'array', items: text },
            notNets: { type: 'array', items: text },
            ports: { type: 'array', items: { type: ['integer', 'string'] } },
            selector: text,
          }),
        },
        'action',
      ),
    },
  }),
};

const complaint = (schema: object, value: unknown): string =>
  ajv.validate(schema, value) ? '' : ajv.errorsText();

/** What the schemas say against the resources of a Terraform configuration, and how many there are. */
function judgeTerraform({ path, text: document }: RuleFile) {
  const schemas: Readonly<Record<string, object>> = published.terraform;
  const resources = Object.entries<Json>((JSON.parse(document) as Json).resource).flatMap(([type, all]) =>
    Object.entries<Json>(all).map(([key, value]) => ({ type, key, value })),
  );
  return {
    count: resources.length,
    complaints: resources.flatMap(({ type, key, value }) => {
      const schema = schemas[type];
      const found = schema === undefined ? 'no such resource' : complaint(schema, value);
      return found === '' ? [] : [`${path}: ${type}.${key}: ${found}`];
    }),
  };
}

/** The same of a template of Azure Resource Manager: its envelope is the deployment's, the rest is sent to the service. */
function judgeArm({ path, text: document }: RuleFile) {
  const schemas: Readonly<Record<string, object>> = published.arm;
  const resources: readonly Json[] = (JSON.parse(document) as Json).resources;
  return {
    count: resources.length,
    complaints: resources.flatMap(({ type, apiVersion: _, name, dependsOn: __, ...body }) => {
      const schema = schemas[type];
      const found = schema === undefined ? 'no such resource' : complaint(schema, body);
      return found === '' ? [] : [`${path}: ${name}: ${found}`];
    }),
  };
}

function judgeKubernetes(file: RuleFile) {
  const { kind, ...object } = parse(file.text) as Json;
  if (kind === 'CiliumNetworkPolicy') {
    try {
      new CiliumNetworkPolicy(object).validate();
      return { count: 1, complaints: [] };
    } catch (error) {
      return { count: 1, complaints: [`${file.path}: ${(error as Error).message}`] };
    }
  }
  const schema = CALICO[kind];
  const found = schema === undefined ? `no such object: ${kind}` : complaint(schema, object.spec);
  return { count: 1, complaints: found === '' ? [] : [`${file.path}: ${found}`] };
}

/** How the files of a target are judged; undefined for those that no published schema is about. */
function judgeOf(id: string, path: string) {
  if (path.endsWith('.tf.json')) return judgeTerraform;
  if (path === 'azure.json' && id.startsWith('azure')) return judgeArm;
  return path.endsWith('.yaml') && ['cilium', 'calico'].includes(id) ? judgeKubernetes : undefined;
}

const MIXED = makePolicy(
  {
    name: 'web',
    names: { '443': ['login.example.net', '*.example.com'], '80': ['.example.org'] },
    prefixes: ['192.0.2.0/24', '2001:db8::/48'],
    ports: '80,443,443/udp',
    addressUse: 'always',
  },
  { name: 'media', prefixes: ['203.0.113.0/26', '198.51.100.7/32'], ports: '3478-3481/udp' },
);

/** The files of a target in all of its forms. */
async function filesOf(id: string, policy: Policy): Promise<readonly RuleFile[]> {
  const { manifest } = await loadTarget(id);
  const formats = manifest.options.formats?.values?.includes('terraform arm')
    ? { formats: 'terraform arm' }
    : {};
  return (await buildBundled(id, policy, { ...exampleOptions(manifest), ...formats })).files;
}

const JUDGED = ['aws', 'aws-network-firewall', 'azure', 'azure-nsg', 'calico', 'cilium'];

describe.each(await bundledTargets())('%s', (id) => {
  it('writes what the published schemas take', async () => {
    let count = 0;
    for (const policy of [samplePolicy(), MIXED, makePolicy({ name: 'emptied' })])
      for (const file of await filesOf(id, policy)) {
        const judged = judgeOf(id, file.path)?.(file);
        expect(judged?.complaints ?? []).toEqual([]);
        count += judged?.count ?? 0;
      }
    expect(count > 0, `${count} resources`).toBe(JUDGED.includes(id));
  });
});

describe('the published schemas', () => {
  it.each([
    ['aws', 'azure.tf.json', '"max_entries"', '"max_entry"', /max_entries|additional/],
    ['aws', 'azure.tf.json', '"cidr"', '"cidr_block"', /cidr|additional/],
    ['aws-network-firewall', 'azure.tf.json', '"target_types"', '"target_type"', /target_type|additional/],
    ['aws-network-firewall', 'azure.tf.json', '"capacity": 500', '"capacity": "a lot"', /number/],
    ['azure', 'azure.tf.json', '"source_addresses"', '"source_address"', /additional/],
    ['azure', 'azure.json', '"destinationPorts"', '"destinationPort"', /additional/],
    ['azure', 'azure.json', '"priority": 1000', '"priority": 99', />= 100/],
    ['azure-nsg', 'azure.tf.json', '"priority"', '"priorities"', /priority|additional/],
    ['azure-nsg', 'azure.json', '"destinationPortRanges"', '"destinationPorts"', /additional/],
    ['calico', 'set-web-ipv4.yaml', 'nets:', 'cidrs:', /additional/],
    ['calico', 'policy-web.yaml', 'ports: [80]', 'ports: [[80]]', /integer/],
    ['cilium', 'azure-web.yaml', 'matchName:', 'matchNames:', /matchName/],
  ])('refuse in %s/%s %j as %j', async (id, path, from, to, message) => {
    const files = await filesOf(id, MIXED);
    const file = files.find((one) => one.path === path);
    expect(file, files.map((one) => one.path).join()).toBeDefined();
    const edited = { path, text: file!.text.replace(from, () => to) };
    expect(edited.text).not.toBe(file!.text);
    expect(judgeOf(id, path)!(edited).complaints.join('\n')).toMatch(message);
  });

  it('say which packages they are of', () => {
    expect(Object.keys(published.packages)).toEqual([
      '@cdktf/provider-aws',
      '@cdktf/provider-azurerm',
      '@azure/arm-network',
    ]);
    for (const version of Object.values(published.packages)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

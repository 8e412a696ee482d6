// Condenses the published schemas of the resources that targets write for Terraform and for Azure Resource Manager into
// JSON Schema, test/published-schemas.json: the packages that hold them have a hundred megabytes. Usage, in an empty folder:
//   npm install --no-save @cdktf/provider-aws @cdktf/provider-azurerm @azure/arm-network
//   node CLONE/scripts/condense-published-schemas.js node_modules > CLONE/test/published-schemas.json
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = resolve(process.argv[2] ?? 'node_modules');
const read = (...parts) => readFileSync(join(modules, ...parts), 'utf8');
const versionOf = (name) => JSON.parse(read(name, 'package.json')).version;

/** Resources of Terraform, by package and folder. */
const TERRAFORM = [
  ['@cdktf/provider-aws', 'ec2-managed-prefix-list', 'aws_ec2_managed_prefix_list'],
  ['@cdktf/provider-aws', 'networkfirewall-rule-group', 'aws_networkfirewall_rule_group'],
  ['@cdktf/provider-azurerm', 'ip-group', 'azurerm_ip_group'],
  [
    '@cdktf/provider-azurerm',
    'firewall-policy-rule-collection-group',
    'azurerm_firewall_policy_rule_collection_group',
  ],
  ['@cdktf/provider-azurerm', 'network-security-rule', 'azurerm_network_security_rule'],
];

/** A type of the bindings, as JSON Schema; attributes are in snake case there. */
function terraformSchema(declarations, typeName) {
  const body = new RegExp(`export interface ${typeName} (?:extends \\S+ )?\\{\\n([\\s\\S]*?)\\n\\}\\n`).exec(
    declarations,
  )?.[1];
  if (body === undefined) throw new Error(`no interface ${typeName}`);
  const properties = {};
  const required = [];
  for (const [, name, optional, type] of body
    .replaceAll(/\{\n\s+\[key: string\]: string;\n\s+\}/g, 'Map')
    .matchAll(/^ {4}readonly (\w+)(\??): (.+);$/gm)) {
    const key = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const plain = type.replace(' | cdktf.IResolvable', '');
    const element = plain.replace(/\[\]$/, '');
    const one = { string: 'string', number: 'number', boolean: 'boolean', Map: 'object' }[element];
    const schema = one === undefined ? terraformSchema(declarations, element) : { type: one };
    properties[key] = plain.endsWith('[]') ? { type: 'array', items: schema } : schema;
    if (optional === '') required.push(key);
  }
  return { type: 'object', properties, required, additionalProperties: false };
}

/** A model of the client library, as JSON Schema of what is sent: `properties.x` is nested, what is read only is left out. */
function armSchema(mappers, className, fixed = {}) {
  const { modelProperties } = mappers[className].type;
  const root = { type: 'object', properties: {}, required: [], additionalProperties: false };
  for (const { serializedName, required, readOnly, constraints, type } of Object.values(modelProperties)) {
    if (readOnly === true) continue;
    const path = serializedName.replaceAll('\\.', '\0').split('.');
    let place = root;
    for (const part of path.slice(0, -1)) {
      place.properties[part] ??= {
        type: 'object',
        properties: {},
        required: [],
        additionalProperties: false,
      };
      place = place.properties[part];
    }
    const last = path.at(-1).replaceAll('\0', '.');
    place.properties[last] = { ...armType(mappers, type, fixed), ...boundsOf(constraints) };
    if (required === true) place.required.push(last);
  }
  return root;
}

const boundsOf = ({ InclusiveMinimum: minimum, InclusiveMaximum: maximum } = {}) => ({
  ...(minimum === undefined ? {} : { minimum }),
  ...(maximum === undefined ? {} : { maximum }),
});

function armType(mappers, type, fixed) {
  if (type.name === 'Sequence') return { type: 'array', items: armType(mappers, type.element.type, fixed) };
  if (type.name === 'Composite') {
    const className = fixed[type.className] ?? type.className;
    // Of what is nested without an end, the targets write nothing.
    return NESTED.has(className)
      ? armSchema(mappers, className, fixed)
      : { type: 'object', maxProperties: 0 };
  }
  if (type.name === 'Enum') return { enum: type.allowedValues };
  return (
    { String: { type: 'string' }, Number: { type: 'number' }, Boolean: { type: 'boolean' } }[type.name] ?? {}
  );
}

const NESTED = new Set([
  'FirewallPolicyFilterRuleCollection',
  'FirewallPolicyFilterRuleCollectionAction',
  'NetworkRule',
]);

const mappers = await import(
  pathToFileURL(join(modules, '@azure/arm-network/dist/esm/models/mappers.js')).href
);
const fixed = {
  FirewallPolicyRuleCollection: 'FirewallPolicyFilterRuleCollection',
  FirewallPolicyRule: 'NetworkRule',
};
const packages = ['@cdktf/provider-aws', '@cdktf/provider-azurerm', '@azure/arm-network'];

process.stdout.write(
  `${JSON.stringify(
    {
      packages: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
      terraform: Object.fromEntries(
        TERRAFORM.map(([name, folder, resource]) => {
          const declarations = read(name, 'lib', folder, 'index.d.ts');
          const [, config] = /export interface (\w+Config) extends/.exec(declarations);
          return [resource, terraformSchema(declarations, config)];
        }),
      ),
      arm: {
        'Microsoft.Network/networkSecurityGroups/securityRules': armSchema(mappers, 'SecurityRule'),
        'Microsoft.Network/ipGroups': armSchema(mappers, 'IpGroup'),
        'Microsoft.Network/firewallPolicies/ruleCollectionGroups': armSchema(
          mappers,
          'FirewallPolicyRuleCollectionGroup',
          fixed,
        ),
      },
    },
    null,
    1,
  )}\n`,
);

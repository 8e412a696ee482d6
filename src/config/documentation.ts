import { stringify } from 'yaml';
import type { core } from 'zod';
import { markdownTable, plainMarkdown } from '../markdown-table.ts';

type JsonSchema = core.JSONSchema.BaseSchema;

/** What a manifest says of one option of its target. */
interface DocumentedOption {
  readonly type: string;
  readonly description: string;
  readonly default?: string | number | boolean | undefined;
  readonly example?: string | number | boolean | undefined;
  readonly values?: readonly string[] | undefined;
}

/** A target with its options, as its manifest has them. */
export interface DocumentedTarget {
  readonly id: string;
  readonly title: string;
  readonly options: Readonly<Record<string, DocumentedOption>>;
}

/** A key of the configuration, as the JSON Schema has it. */
export interface DocumentedKey {
  /** `rules[].ports`; what stands for a name of the user's own is in angle brackets. */
  readonly path: string;
  readonly type: string;
  /** Undefined where the schema has none. */
  readonly description: string | undefined;
  readonly preset: unknown;
  /** Undefined for a mapping, or a list of mappings, without one: its keys have theirs. */
  readonly example: unknown;
  readonly required: boolean;
  /** A whole configuration that says this value at this key and the least that is needed around it. */
  readonly within: (value: unknown) => Readonly<Record<string, unknown>>;
}

/** Every key of a JSON Schema, the outer before the inner, in the order of the schema. */
export function documentedKeys(schema: JsonSchema): readonly DocumentedKey[] {
  return keysBelow(schema, '', (value) => value as Readonly<Record<string, unknown>>);
}

/** What the keys of a mapping are called that the user names. */
const NAMES: Readonly<Record<string, string>> = {
  targets: '<target>',
  'products[]': '<product>',
  'rules[].endpoints[].parameters': '<parameter>',
};

/** Names that the loader takes in their place. */
const NAMED: Readonly<Record<string, string>> = {
  '<target>': 'squid',
  '<product>': 'intune',
  '<parameter>': 'region',
};

function keysBelow(schema: JsonSchema, path: string, within: DocumentedKey['within']): DocumentedKey[] {
  const branches = branchesOf(schema);
  const kinds = branches.filter((branch) => kindOf(branch) !== undefined);
  const keys = branches.flatMap((branch): DocumentedKey[] => {
    if (isSchema(branch.items)) return keysBelow(branch.items, `${path}[]`, (value) => within([value]));
    const least = leastOf(branch);
    const own = Object.entries(branch.properties ?? {}).flatMap(([key, property]) => {
      if (!isSchema(property) || (key === 'kind' && kinds.length > 1)) return [];
      const at = path === '' ? key : `${path}.${key}`;
      const inside = (value: unknown) => within({ ...least, [key]: value });
      const of = kinds.length > 1 ? `for \`kind: ${kindOf(branch)}\`: ` : '';
      return [
        describeKey(property, at, of, requiredOf(branch).includes(key), inside),
        ...keysBelow(property, at, inside),
      ];
    });
    const named = branch.additionalProperties;
    if (!isSchema(named)) return own;
    const name = NAMES[path] ?? '<name>';
    return [
      ...own,
      ...keysBelow(named, `${path}.${name}`, (value) => within({ [NAMED[name] ?? 'name']: value })),
    ];
  });
  return kinds.length > 1 ? [kindKey(kinds, `${path}.kind`, within), ...keys] : keys;
}

function describeKey(
  schema: JsonSchema,
  path: string,
  of: string,
  required: boolean,
  within: DocumentedKey['within'],
): DocumentedKey {
  return {
    path,
    type: typeOf(schema),
    description: schema.description === undefined ? undefined : `${of}${schema.description}`,
    preset: schema.default,
    example: exampleOf(schema),
    required,
    within,
  };
}

/** The key that tells which of several mappings is meant. */
function kindKey(kinds: readonly JsonSchema[], path: string, within: DocumentedKey['within']): DocumentedKey {
  return {
    path,
    type: kinds.map((branch) => `\`${kindOf(branch)}\``).join(', '),
    description: kinds.map((branch) => `${kindOf(branch)}: ${describedKind(branch)}`).join('; '),
    preset: undefined,
    example: kindOf(kinds[0]!),
    required: true,
    within: (value) => within({ ...leastOf(kinds.find((one) => kindOf(one) === value) ?? {}), kind: value }),
  };
}

function kindOf(schema: JsonSchema): string | undefined {
  const kind = schema.properties?.kind;
  return isSchema(kind) && typeof kind.const === 'string' ? kind.const : undefined;
}

function describedKind({ properties }: JsonSchema): string {
  return (isSchema(properties?.kind) && properties.kind.description) || '';
}

/** The required keys of a mapping, with their examples. */
function leastOf(schema: JsonSchema): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    requiredOf(schema).map((key) => [key, exampleOf(schema.properties?.[key] as JsonSchema)]),
  );
}

/** Of the whole file: what one has to say that extends no other. */
function requiredOf({ required, anyOf: [first] = [] }: JsonSchema): readonly string[] {
  return required ?? (isSchema(first) ? first.required : undefined) ?? [];
}

function exampleOf(schema: JsonSchema): unknown {
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum.find((value) => value !== schema.default);
  if (schema.type === 'boolean') return schema.default !== true;
  return isMapping(schema) ? undefined : schema.default;
}

function isMapping(schema: JsonSchema): boolean {
  return branchesOf(schema).some(
    (branch) => branch.type === 'object' || (isSchema(branch.items) && isMapping(branch.items)),
  );
}

function branchesOf(schema: JsonSchema): readonly JsonSchema[] {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter(isSchema);
  // Beside its properties, `anyOf` of the whole file says only which of them are required.
  return branches.length === 0 || schema.properties !== undefined ? [schema] : branches.flatMap(branchesOf);
}

function isSchema(value: unknown): value is JsonSchema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: '`true` or `false`',
  object: 'mapping',
  null: 'nothing',
};

function typeOf(schema: JsonSchema): string {
  const branches = branchesOf(schema);
  if (branches.length > 1) return [...new Set(branches.map(typeOf))].join(' or ');
  const [branch = schema] = branches;
  if (branch.const !== undefined) return `\`${branch.const}\``;
  if (branch.enum !== undefined) return branch.enum.map((value) => `\`${value}\``).join(', ');
  if (isSchema(branch.items)) return `list of ${typeOf(branch.items)}`;
  if (branch.format === 'uri') return 'URL';
  if (branch.format === 'uuid') return 'UUID';
  const type = TYPES[String(branch.type)] ?? String(branch.type);
  return branch.type === 'integer' || branch.type === 'number' ? `${type}${boundsOf(branch)}` : type;
}

function boundsOf({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const from = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const to = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (exclusiveMinimum !== undefined && to === undefined) return ` above ${exclusiveMinimum}`;
  if (from !== undefined) return to === undefined ? `, ${from} or more` : `, ${from} to ${to}`;
  return to === undefined ? '' : `, ${to} or less`;
}

/** `docs/configuration.md`: every key of `allowlist.yaml`, from its JSON Schema, and the options of the targets. */
export function configurationDocument(schema: JsonSchema, targets: readonly DocumentedTarget[]): string {
  const keys = documentedKeys(schema);
  const outer = keys.filter(({ path }) => !/[.[]/.test(path));
  const sections = outer.flatMap(({ path, description }) => {
    const inner = keys.filter((key) => key.path.startsWith(`${path}.`) || key.path.startsWith(`${path}[`));
    const own = path === 'targets' ? targetOptions(targets) : [];
    return inner.length === 0
      ? []
      : ['', `## ${path}`, '', sentence(description ?? ''), '', keyTable(inner), ...own];
  });
  return [
    '# Configuration',
    '',
    'Generated by `npm run docs` from the JSON Schema [allowlist.schema.json](../schema/allowlist.schema.json) and the manifests under',
    '[templates](../templates); do not edit.',
    '',
    '`azure-allowlist init` writes a commented `allowlist.yaml`, and beside it `allowlist.schema.json`, which its first line names',
    '(`# yaml-language-server: $schema=allowlist.schema.json`): editors with the YAML language server then complete and explain the keys.',
    '`azure-allowlist init --schema` writes the schema again after an update of the program. An unknown key is an error. Paths are',
    'relative to the file that is read. In the tables `[]` is an item of a list, and `<target>` and the like are names of your own choice or',
    'of the tool; a key without a default is off where it is absent, or does what its description says.',
    '',
    '## The file',
    '',
    keyTable(outer),
    ...sections,
    '',
  ].join('\n');
}

function keyTable(keys: readonly DocumentedKey[]): string {
  return markdownTable([
    ['Key', 'Type', 'Default', 'Meaning', 'Example'],
    ...keys.map(({ path, type, preset, description, example, required }) => [
      `\`${path}\``,
      type,
      required ? 'required' : preset === undefined ? '' : code(preset),
      plainMarkdown(description ?? ''),
      example === undefined ? 'its keys below' : code({ [path.split('.').at(-1)!]: example }),
    ]),
  ]);
}

function targetOptions(targets: readonly DocumentedTarget[]): string[] {
  return [
    '',
    'Beside these keys each target has options of its own, from its manifest; [targets.md](targets.md) says what the targets can express.',
    ...targets.flatMap(({ id, title, options }) => {
      const rows = Object.entries(options).map(([key, option]) => [
        `\`targets.${id}.${key}\``,
        option.values?.map((value) => `\`${value}\``).join(', ') ?? TYPES[option.type] ?? option.type,
        option.default === undefined ? 'required' : code(option.default),
        plainMarkdown(option.description),
        code({ [key]: option.example ?? option.default }),
      ]);
      return rows.length === 0
        ? []
        : [
            '',
            `### Options of ${id}`,
            '',
            sentence(title),
            '',
            markdownTable([['Key', 'Type', 'Default', 'Meaning', 'Example'], ...rows]),
          ];
    }),
  ];
}

/** YAML in one line, as a code span. */
function code(value: unknown): string {
  const text =
    isSchema(value) && Object.keys(value).length === 1
      ? Object.entries(value).map(([key, inner]) => `${key}: ${flow(inner)}`)[0]!
      : flow(value);
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function sentence(text: string): string {
  const plain = plainMarkdown(text.trim());
  return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}${/[.!?]$/.test(plain) ? '' : '.'}`;
}

import { createHash } from 'node:crypto';
import { formatHostPattern } from '../../net/host-pattern.ts';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import type { Policy } from '../../policy/policy.ts';
import { ConfigurationError } from '../../problem.ts';
import { DIGEST_PLACE } from '../content-digest.ts';
import type { TargetPlan } from '../plan.ts';
import { ReadBackError } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import type { OptionValues, View } from '../view.ts';
import {
  CONNECTOR_NAMES,
  type ConnectorNames,
  type ConnectorProduct,
  type ConnectorSettings,
} from './connector-settings.ts';
import { readProxy, writeConfig, writeMerge } from './connector-xml.ts';

/*
 * The connector's own configuration. Its files are settings: they let nothing through, so that what is read back is
 * not an admission but the options.
 */

const REGISTRY_FILE = 'backend-proxy.reg';
const MERGE_FILE = 'connector-proxy.xslt';
const SET_SCRIPT = 'Set-ConnectorProxy.ps1';
const SCRIPTS = [SET_SCRIPT, 'Undo-ConnectorProxy.ps1', 'Test-ConnectorEndpoints.ps1'] as const;

/** Adds the texts of the XML and registry files, the names of the product, and the endpoints for the probe. */
function extendView(view: View, _plan: TargetPlan, policy: Policy) {
  const settings = settingsOf(view.options);
  const names = CONNECTOR_NAMES[settings.product];
  if (settings.backendThroughProxy && settings.proxy === 'none')
    throw new ConfigurationError('the options of target connector contradict each other', [
      {
        where: 'targets.connector.backendThroughProxy',
        what: 'requests to applications cannot go through a proxy where there is none',
        next: 'give `proxy: http://…`, or remove the key',
      },
    ]);
  const scenario = settings.proxy === 'none' ? 'bypass-proxy' : 'through-proxy';
  const other = policy.rules.find((rule) => rule.scenario !== undefined && rule.scenario !== scenario);
  if (other !== undefined)
    throw new ConfigurationError("the connector's settings and the scenario contradict each other", [
      {
        where: 'targets.connector.proxy',
        what: `is ${JSON.stringify(settings.proxy)}, and rule ${other.name} has the scenario ${other.scenario}`,
        next:
          other.scenario === 'bypass-proxy'
            ? 'give `proxy: none`'
            : 'name the proxy: `proxy: http://proxy.corp.example:8080`',
      },
    ]);
  const texts = textsOf(settings, names);
  return {
    ...view,
    texts: [...texts].map(([path, text]) => ({ path, text: text.replace(/\n$/, '') })),
    names: {
      connectorFolder: names.folders.connector,
      updaterFolder: names.folders.updater,
      connectorFile: names.files.connector,
      updaterFile: names.files.updater,
      registryKey: names.registryKey,
    },
    throughProxy: settings.proxy !== 'none',
    proxyAuthority: settings.proxy.replace('http://', ''),
    endpoints: endpointsOf(policy),
  };
}

/** The files that hold the settings and nothing else. */
function textsOf(
  { proxy, backendThroughProxy }: ConnectorSettings,
  names: ConnectorNames,
): Map<string, string> {
  const config = writeConfig(proxy, names.trace);
  return new Map([
    [names.files.connector, config],
    [names.files.updater, config],
    [MERGE_FILE, writeMerge(proxy)],
    [
      REGISTRY_FILE,
      `REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\${names.registryKey}]\n"UseDefaultProxyForBackendRequests"=dword:0000000${backendThroughProxy ? 1 : 0}\n`,
    ],
  ]);
}

/**
 * What the rows of the policy ask for, a host and port each, sorted; a wildcard stands as such. A port that only the text
 * of a source asks for, of the proxy, is none that the service listens on.
 */
function endpointsOf({ rules }: Policy): { readonly host: string; readonly port: number }[] {
  const found = new Map<string, { readonly host: string; readonly port: number }>();
  for (const { names, rows } of rules)
    for (const { hosts, ports } of names)
      for (const pattern of hosts.patterns().include) {
        const tunnels = rows
          .filter(({ host }) => formatHostPattern(host) === formatHostPattern(pattern))
          .reduce((all, { inText = PortSet.empty }) => all.union(inText), PortSet.empty);
        for (const { first } of ports.difference(tunnels).only('tcp').ranges) {
          const host = formatHostPattern(pattern);
          // It gets between the quotes of a script.
          if (!/^[a-z0-9._*-]+$/.test(host))
            throw new ReadBackError(`${JSON.stringify(host)} is no host name in canonical spelling`);
          found.set(`${host} ${first}`, { host, port: first });
        }
      }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

function settingsOf(options: OptionValues): ConnectorSettings {
  const { proxy, product, backendThroughProxy } = options;
  return {
    proxy: String(proxy),
    product: product as ConnectorProduct,
    backendThroughProxy: backendThroughProxy === true,
  };
}

/** Reads the settings out of the files; every file must say the same, and nothing else. */
function readSettings(files: readonly RuleFile[]): OptionValues {
  const byPath = new Map(files.map(({ path, text }) => [path, text]));
  const product = (Object.keys(CONNECTOR_NAMES) as ConnectorProduct[]).find((key) =>
    byPath.has(CONNECTOR_NAMES[key].files.connector),
  );
  if (product === undefined) throw new ReadBackError('no .exe.config of a known connector is there');
  const names = CONNECTOR_NAMES[product];
  const registry = /^"UseDefaultProxyForBackendRequests"=dword:0000000([01])$/m.exec(
    byPath.get(REGISTRY_FILE) ?? '',
  );
  if (registry === null)
    throw new ReadBackError(`${REGISTRY_FILE}: UseDefaultProxyForBackendRequests is not set`);
  const settings: ConnectorSettings = {
    proxy: readProxy(byPath.get(names.files.connector) ?? '', names.files.connector),
    product,
    backendThroughProxy: registry[1] === '1',
  };
  for (const [path, text] of textsOf(settings, names))
    if (byPath.get(path) !== text)
      throw new ReadBackError(`${path}: does not say what ${names.files.connector} and ${REGISTRY_FILE} say`);
  for (const path of SCRIPTS) {
    const text = byPath.get(path);
    if (text === undefined) throw new ReadBackError(`${path} is missing`);
    requireDigest(path, text);
  }
  const script = byPath.get(SET_SCRIPT) ?? '';
  for (const line of [
    `$Proxy = '${settings.proxy}'`,
    `$BackendThroughProxy = $${settings.backendThroughProxy}`,
    `$RegistryKey = 'HKLM:\\${names.registryKey}'`,
  ])
    if (!script.includes(`\n${line}\n`)) throw new ReadBackError(`${SET_SCRIPT}: ${line} is expected`);
  return { ...settings };
}

/** Scripts are programs: they must be, to the byte, what their own digest says. */
function requireDigest(path: string, text: string): void {
  const digest = /^# Content sha256 ([0-9a-f]{64})$/m.exec(text)?.[1];
  const own = text.replaceAll(digest ?? DIGEST_PLACE, '');
  if (digest === undefined || createHash('sha256').update(own).digest('hex') !== digest)
    throw new ReadBackError(`${path}: it is not what its digest says`);
}

function readBack(files: readonly RuleFile[]): Admission {
  readSettings(files);
  return Admission.empty;
}

/** The connector: settings of the machine itself, made by an XML library and read back as options. */
export const vendor = { extendView, readBack, readSettings } as const satisfies Vendor;

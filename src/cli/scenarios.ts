import type { Scenario } from '../policy/policy.ts';

/** The JSON Schema that is written beside a configuration. */
export const SCHEMA_FILE = 'allowlist.schema.json';

/** The first lines of a configuration; editors with yaml-language-server read the schema that the first one names. */
export const HEAD = `# yaml-language-server: $schema=${SCHEMA_FILE}
# azure-allowlist: what Azure may be reached, and on which devices. Every key is explained in the JSON Schema
# beside this file, which editors show, and in docs/configuration.md of the package.
`;

const RULES = `version: 1

feed:
  cloud: public                 # public | usgov (then the table private-network-connector-usgov) | china

rules:
  - name: connector             # part of object names: a letter, then letters, digits, hyphens; 20 at most
    reason: Entra private network connector
    endpoints: [private-network-connector]
    # For devices that cannot match names. Certificates are verified at hosts that no tag covers: the review
    # lists them under "coverage", with what to do.
    serviceTags: [AzureCloud, AzureActiveDirectory, AzureResourceManager, AzureFrontDoor.FirstParty]
    addresses: fallback         # only on targets that cannot match names (default); always; never
    # clients: [192.0.2.10]     # the connectors' own addresses: without them every client gets through
`;

const BYPASS = `    scenario: bypass-proxy      # proxies are left out; PAC file and connector must go around them too
`;

const THROUGH = `    scenario: through-proxy     # the firewall is for the proxies, PAC file and connector must name one
    # proxies: [192.0.2.20]     # the proxies' own addresses: without them the firewall lets everybody through
`;

const END = `
output: allowlists

# A second source: asks RIPEstat which networks announce what a week gains. Addresses that Microsoft does not announce ask for
# a look. Needs stat.ripe.net, or a mirror of it (origins.source).
# origins: { asns: [8075, 8068, 8069], set: Microsoft }

# publish: { git: true }        # commit the output tree when it changed
# schedule: { cron: "0 6 * * 2", timeZone: Europe/Berlin }
`;

/** A commented configuration for each scenario. */
export const SCENARIO_CONFIGURATIONS: Readonly<Record<Scenario, string>> = {
  'bypass-proxy': `${HEAD}#
# Scenario bypass-proxy: the connector goes straight to the cloud service, around every proxy.
${RULES}${BYPASS}
targets:
  # The firewall: lets the connector's host out. Without \`clients\` above, the rule of your own that leads to these must
  # be for the address of that host alone: the files then say where the traffic goes, not where it comes from.
  nftables: {}
  # paloalto: {}                # or another: \`azure-allowlist targets\`

  # The connector's own settings: every proxy switched off in both .exe.config files.
  connector: { proxy: none, product: entra }

  # For the connector's host only, where it finds its proxy by itself (WPAD): the names go direct.
  pac: { allowed: DIRECT, otherwise: "PROXY proxy.example.com:8080" }
${END}`,
  'through-proxy': `${HEAD}#
# Scenario through-proxy: the connector goes through the proxy, and only the proxy goes out.
${RULES}${THROUGH}
targets:
  # The proxy: allows the names before any authentication, and exempts them from TLS inspection.
  squid: {}

  # The firewall: lets the proxy out, by address. Without \`proxies\` above, the rule of your own that leads to these must be
  # for the address of the proxy alone: to the firewall, the proxy is the client.
  nftables: {}

  # The connector's own settings. backendThroughProxy: true sends requests to the published applications there as well.
  connector: { proxy: "http://proxy.example.com:8080", product: entra, backendThroughProxy: false }

  # Where the connector's host finds its proxy by itself (WPAD): the names go to the proxy.
  pac: { allowed: "PROXY proxy.example.com:8080", otherwise: DIRECT }
${END}`,
};

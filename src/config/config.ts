import type { SigningKey } from '../committed/key-file.ts';
import type { EndpointRow } from '../endpoints/endpoint-table.ts';
import type { ParameterValues } from '../endpoints/parameters.ts';
import type { M365Config } from '../feed/load-m365.ts';
import type { M365PartialNameUse, M365Selector } from '../feed/m365.ts';
import type { Cloud } from '../feed/snapshot.ts';
import type { FeedSourceConfig, HttpConfig } from '../feed/source-config.ts';
import type { ForgeKind } from '../forge/settings.ts';
import type { TokenSource } from '../forge/token.ts';
import type { Family } from '../net/address.ts';
import type { HostPattern } from '../net/host-pattern.ts';
import type { Method } from '../net/method.ts';
import type { PortSet } from '../net/ports.ts';
import type { Prefix } from '../net/prefix.ts';
import type { NotifyConfig } from '../notify/notify.ts';
import type { GuardLimits } from '../policy/guards/limits.ts';
import type { AddressUse, RuleOmission, Scenario } from '../policy/policy.ts';
import type { Budget } from '../targets/budget.ts';

/** Which rows of which endpoint table a rule takes. */
export interface EndpointSelection {
  /** A bundled table by id, or a file of the user's by absolute path. */
  readonly from: { readonly table: string } | { readonly file: string };
  readonly optional: readonly string[];
  /** Values of the table's parameters; absent where none is given. */
  readonly parameters?: ParameterValues;
}

/** A product of Microsoft's whose tables say what has to be let through. */
export interface ProductConfig {
  readonly product: string;
  /** What the names of its rules begin with; products of one name become rules together. */
  readonly name: string;
  readonly groups: readonly string[];
  readonly parameters: ParameterValues;
  readonly addressUse: AddressUse;
  /** As of a rule. */
  readonly methods?: readonly Method[];
  readonly clients?: readonly Prefix[];
  readonly scenario?: Scenario;
  readonly proxies?: readonly Prefix[];
}

export interface RuleConfig {
  readonly name: string;
  readonly reason: string;
  readonly endpoints: readonly EndpointSelection[];
  readonly hosts: readonly HostPattern[];
  readonly serviceTags: readonly string[];
  /** Of the service tags only what these regions have, by Azure's names; absent where the tags are meant as they are. */
  readonly regions?: readonly string[];
  /** With regions: also what belongs to no region at all. */
  readonly unassigned?: boolean;
  readonly prefixes: readonly Prefix[];
  /** Endpoint sets of Microsoft 365, on their own ports; a rule takes what any of these selects. */
  readonly m365: readonly M365Selector[];
  /** Undefined where the ports of the endpoints are meant. */
  readonly ports: PortSet | undefined;
  readonly addressUse: AddressUse;
  /** How proxies may be asked for the names; absent where the tables say it, and both for the rule's own hosts. */
  readonly methods?: readonly Method[];
  /** Rows that products bring, selected already; absent in a rule of the configuration's own. */
  readonly rows?: readonly EndpointRow[];
  /** What the products ask for and no device can match. */
  readonly omitted?: readonly RuleOmission[];
  /** Who may use the rule, at least one; absent where every client may. */
  readonly clients?: readonly Prefix[];
  /** Absent where every target is on the way of the traffic. */
  readonly scenario?: Scenario;
  /** Of `through-proxy`, where the proxies' connections come from, at least one. */
  readonly proxies?: readonly Prefix[];
}

export interface TargetConfig {
  /** The key under `targets` and the folder in the output tree. */
  readonly id: string;
  /** Absolute path of the user's own format; undefined for a bundled target. */
  readonly template: string | undefined;
  readonly addressUse: AddressUse | undefined;
  /** Instead of those of the rules, at least one; absent where those are meant. */
  readonly clients?: readonly Prefix[];
  readonly budget: Budget | undefined;
  /** Checked against the target's manifest when the target is loaded. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface FeedConfig {
  readonly cloud: Cloud;
  readonly source: FeedSourceConfig;
  readonly http: HttpConfig;
  readonly m365: M365Config & {
    /** Default `widen`. */
    readonly partialNames?: M365PartialNameUse;
  };
  readonly cache: { readonly directory?: string; readonly keep?: number };
}

/** Ranges as a configuration names them: written in it, or in files. */
export interface RangeSource {
  readonly prefixes: readonly Prefix[];
  /** Absolute paths. */
  readonly files: readonly string[];
}

/** Where it is read what networks announce. */
export interface OriginsConfig {
  readonly source:
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'file'; readonly path: string };
  readonly asns: readonly number[];
  /** What messages call them together. */
  readonly set: string | undefined;
  readonly refuse: boolean;
  readonly maximumDays: number;
}

/** What may never be let through, and what alone may be published. */
export interface ConstraintsConfig {
  readonly never: RangeSource;
  readonly within: (RangeSource & { readonly origins: boolean }) | undefined;
  readonly outside: 'cut' | 'refuse';
}

/** Something that has to stay reachable. */
export interface RequireConfig {
  readonly host: string | undefined;
  readonly addresses: readonly Prefix[];
  readonly ports: PortSet;
}

/** How the output tree is committed. */
export interface GitConfig {
  /** Undefined: the branch that is checked out, or that the CI names. */
  readonly branch: string | undefined;
  readonly remote: string;
  readonly push: boolean;
  /** Undefined: the commit is the change, nobody is asked. */
  readonly pullRequest: PullRequestConfig | undefined;
}

/** How a change is proposed to people. */
export interface PullRequestConfig {
  /** The branch that holds the change. */
  readonly branch: string;
  /** What the address of the remote does not tell. */
  readonly forge: ForgeKind | undefined;
  readonly api: string | undefined;
  readonly project: string | undefined;
  /** Undefined: the forge's usual variables. */
  readonly token: TokenSource | undefined;
  readonly reviewers: readonly string[];
  readonly labels: readonly string[];
  readonly autoMerge: boolean;
  /** Whether a refused week opens an issue. */
  readonly issues: boolean;
}

/** A whole `allowlist.yaml`, normalised; every path is absolute. */
export interface AllowlistConfig {
  /** The file itself. */
  readonly file: string;
  readonly feed: FeedConfig;
  /** The address families that anything is said and written of. */
  readonly families: readonly Family[];
  readonly products: readonly ProductConfig[];
  /** The configuration's own, and after `withProducts` those of the products too. */
  readonly rules: readonly RuleConfig[];
  readonly targets: readonly TargetConfig[];
  /** Undefined: there is no second source. */
  readonly origins: OriginsConfig | undefined;
  readonly constraints: ConstraintsConfig;
  /** Undefined: addresses that are no longer published go at once. */
  readonly holdDays: number | undefined;
  readonly require: readonly RequireConfig[];
  readonly output: string;
  readonly guards: GuardLimits;
  readonly publish: {
    readonly git: GitConfig | undefined;
    /** `routine`: what asks for a look is proposed, or not published. */
    readonly when: 'always' | 'routine';
    /** An Atom feed of the changes beside the review. */
    readonly atom: { readonly link: string | undefined } | undefined;
    /** The targets whose files are tried out before they are published. */
    readonly rehearse: readonly string[];
  };
  /** The key that the lock is signed with; undefined: it is not signed. */
  readonly sign: SigningKey | undefined;
  /** Whom to tell what; undefined: nobody. */
  readonly notify: NotifyConfig | undefined;
  readonly schedule: { readonly cron: string; readonly timeZone: string } | undefined;
}

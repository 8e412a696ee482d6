import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { AllowlistError, EXIT_STATUS } from '../problem.ts';
import { processIo } from './io.ts';
import { version } from './version.ts';

// Commands are imported when they run: `--version` and `--help` load neither got nor handlebars.
const io = processIo();

const config = () => new Option('-c, --config <file>', 'the configuration').default('allowlist.yaml');
const configs = () =>
  new Option('-c, --config <file>', 'the configuration; several, or a pattern in quotes: many sites, one run')
    .default('allowlist.yaml')
    .argParser((text: string, earlier: unknown) => (Array.isArray(earlier) ? [...earlier, text] : [text]));
const feed = () => new Option('--feed <file|url>', 'a weekly file, instead of the configured source');
const cache = () =>
  new Option('--cache <dir>', 'where fetched files are kept (default: the XDG cache directory)');
const offline = () => new Option('--offline', 'use the newest kept file and no network');
const json = () => new Option('--json', 'one JSON document on standard output; all else on standard error');
const list = (text: string, earlier: string[] = []) => [
  ...earlier,
  ...text.split(',').filter((part) => part !== ''),
];

// An organisation's name may hold a comma.
const all = (text: string, earlier: string[] = []) => [...earlier, text];

const days = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('a number of days is needed.');
  return Number(text);
};

const seconds = (text: string): number => {
  const [, number, unit] = /^([1-9]\d{0,4})(s|m)?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('a time is needed, as 60s or 5m.');
  return Number(number) * (unit === 'm' ? 60 : 1);
};

const from = (least: number, most: number, what: string) => (text: string) => {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value < least || value > most)
    throw new InvalidArgumentError(`${what} from ${least} to ${most} is needed.`);
  return value;
};

const workers = () =>
  new Option(
    '--workers <n>',
    'of many sites: how many threads plan them (default: by the cores and the sites)',
  ).argParser(from(1, 64, 'a number of threads'));

function build(): Command {
  const program = new Command('azure-allowlist')
    .description(
      "Turns Microsoft's weekly Azure address ranges and tables of required host names into firewall and proxy rule files, and shows what changed.",
    )
    .version(version(), '-V, --version')
    .showSuggestionAfterError()
    // What was typed may hold a password, or what a terminal obeys.
    .configureOutput({ writeErr: io.err })
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit status: 0 done; 1 failed; 2 there are differences (diff, run --dry-run, with --detailed-exitcode;
run with publish.when: routine that a person must look at; check: not allowed; probe: blocked; explain: refused though a rule asks for it); 3 refused by a guard;
4 feed unavailable or unusable; 5 configuration or usage wrong.`,
    );

  program
    .command('init')
    .description('write a commented allowlist.yaml')
    .argument('[dir]', 'the folder to write it to, or the file itself (site.yaml)', '.')
    .option('--schema', 'only the JSON Schema for editors, again after an update')
    .addOption(
      new Option(
        '--scenario <scenario>',
        'for a connector that goes around the proxy, or through it',
      ).choices(['bypass-proxy', 'through-proxy']),
    )
    .action(async (directory: string, options) =>
      (await import('./init.ts')).initCommand(directory, options, io),
    );

  program
    .command('run')
    .description('the weekly job: fetch, compare, guard, render, read back, review, publish')
    .addOption(configs())
    .option('-o, --out <dir>', 'the output tree, instead of the configured one')
    .addOption(feed())
    .option('--dry-run', 'write nothing; show what would change')
    .option('--plan <file>', 'write down what would be published, for `apply`, and publish nothing')
    .option('--detailed-exitcode', 'with --dry-run: exit 2 if something would change')
    .option('--details', 'the whole review, not one screen of it')
    .option('--accept <guard,...>', 'accept the refusal of a guard, this once; it is recorded', list)
    .option('--only <site>', 'of many sites: just this one; repeatable', all)
    .option('--shard <i/n>', 'of many sites: every n-th, from the i-th on')
    .addOption(workers())
    .addOption(cache())
    .addOption(offline())
    .addOption(json())
    .action(async (options) => (await import('./run-any.ts')).runAnyCommand(options, io));

  program
    .command('apply')
    .description('publish just what `run --plan` wrote down, or refuse because something has moved since')
    .argument('<plan>', 'the file that was approved')
    .addOption(config())
    .option('-o, --out <dir>', 'the output tree, instead of the configured one')
    .addOption(feed())
    .option('--details', 'the whole review, not one screen of it')
    .addOption(cache())
    .addOption(offline())
    .addOption(json())
    .action(async (plan: string, options) => (await import('./run.ts')).applyCommand(plan, options, io));

  program
    .command('fetch')
    .description('only get and check the feed')
    .addOption(config())
    .addOption(feed())
    .addOption(cache())
    .addOption(offline())
    .addOption(json())
    .action(async (options) => (await import('./fetch.ts')).fetchCommand(options, io));

  program
    .command('diff')
    .description('compare two feeds, two output trees, or two git revisions of one (HEAD~1:allowlists)')
    .argument('<old>')
    .argument('<new>')
    .option('--tag <tag,...>', 'only these service tags', list)
    .option(
      '--feed <file|url>',
      'the weekly file that the later output tree was made from: it knows the regions of gains, and the tags that have losses now',
    )
    .addOption(new Option('--format <format>').choices(['text', 'markdown', 'json', 'html']).default('text'))
    .option('--detailed-exitcode', 'exit 2 if there are differences')
    .action(async (before: string, after: string, options) =>
      (await import('./diff.ts')).diffCommand(before, after, options, io),
    );

  program
    .command('history')
    .description('how an output tree in git, or the weekly files of a directory, changed over time')
    .argument('[dir]', 'the output tree, or a directory of feeds', 'allowlists')
    .option('--tag <tag,...>', 'only these service tags (of feeds)', list)
    .addOption(new Option('--format <format>').choices(['text', 'json', 'html']).default('text'))
    .action(async (directory: string, options) =>
      (await import('./history.ts')).historyCommand(directory, options, io),
    );

  program
    .command('check')
    .description('is a host, address, CIDR or URL allowed, by which rule, tag and row, on which targets')
    .argument('[query...]', 'without one, queries are read from standard input, one a line')
    .addOption(config())
    .option('-o, --out <dir>', 'the output tree, instead of the configured one')
    .option('--client <address>', 'the address that connects; otherwise any that may')
    .option('--feed <file|url>', 'say too which service tags of this weekly file hold an address')
    .addOption(cache())
    .addOption(offline())
    .addOption(json())
    .action(async (queries: string[], options) =>
      (await import('./check.ts')).checkCommand(queries, options, io),
    );

  program
    .command('verify')
    .description('read every rule file back and prove it equal to the policy of the lock')
    .argument('[dir]', 'the output tree (default: that of the configuration, or allowlists)')
    .option('-c, --config <file>', 'the configuration that names the output tree (default: allowlist.yaml)')
    .option('--feed <file|url>', 'prove too that the addresses come from this weekly file')
    .option('--public-key <file>', 'prove too that the tree is signed with its private key (sign.key)')
    .addOption(json())
    .action(async (directory: string | undefined, options) =>
      (await import('./verify.ts')).verifyCommand(directory, options, io),
    );

  program
    .command('tags')
    .description(
      'the service tags of the feed: regions, prefixes, addresses; or which of them hold an address',
    )
    .argument(
      '[word...]',
      'only tags whose name, region or service contains it; or addresses and CIDRs: the tags that hold them; or `advise` and ranges, hosts or endpoint tables: which tags to take',
    )
    .addOption(config())
    .addOption(feed())
    .addOption(cache())
    .addOption(offline())
    .addOption(json())
    .action(async (words: string[], options) => (await import('./tags.ts')).tagsCommand(words, options, io));

  program
    .command('targets')
    .description('the targets, and what each can and cannot express')
    .addOption(json())
    .action(async (options) => (await import('./targets.ts')).targetsCommand(options, io));

  program
    .command('probe')
    .description('does this machine reach what the endpoint tables require, directly or through a proxy')
    .addOption(config())
    .option('-o, --out <dir>', 'the output tree, instead of the configured one')
    .option('--table <id>', 'a bundled endpoint table, instead of those of the configuration')
    .option('--proxy <url>', 'go through this proxy (http://…), as the connector would')
    .option(
      '--direct',
      'with --proxy: try the direct way as well (revocation checks may take it); what fails there is a note',
    )
    .option('--example <host>', 'a name below a wildcard of the table; or *.pattern=host', list)
    .addOption(new Option('--family <family>', 'one family only (default: both)').choices(['4', '6']))
    .option('--resolver <address>', 'ask this name server (default: those of the system)', list)
    .option('--issuer <organisation>', 'who issues the certificates, instead of the bundled list', all)
    .option('--ca <file>', 'further root certificates, PEM')
    .option('--timeout <seconds>', 'for one step', from(1, 120, 'a number of seconds'), 5)
    .option('--concurrency <n>', 'endpoints at the same time', from(1, 64, 'a number'), 8)
    .option(
      '--from-file <file>',
      'dial nothing; judge addresses that another machine resolved: host address…',
    )
    .addOption(json())
    .action(async (options) => (await import('./probe.ts')).probeCommand(options, io));

  program
    .command('explain')
    .description(
      'denied requests of a proxy or firewall log: which row, tag or rule would have let them through',
    )
    .argument(
      '<log>',
      "Squid's native access log, or blocked flows as `address port` or `host:port`; - for standard input",
    )
    .addOption(config())
    .option('-o, --out <dir>', 'the output tree, instead of the configured one')
    .addOption(
      new Option('--format <format>', 'of the log (default: by its first line)').choices(['squid', 'flows']),
    )
    .option('--planned <dir>', 'another output tree: what of this log would it break or newly allow')
    .addOption(json())
    .action(async (log: string, options) => (await import('./explain.ts')).explainCommand(log, options, io));

  program
    .command('capture-filter')
    .description('filters for tcpdump, Wireshark and pktmon, made from the policy')
    .addOption(config())
    .option('-o, --out <dir>', 'the output tree, instead of the configured one')
    .addOption(new Option('--tool <tool>', 'one of them only').choices(['tcpdump', 'wireshark', 'pktmon']))
    .option('--proxy <[address:]port>', 'filters for CONNECT and its answers as well')
    .addOption(json())
    .action(async (options) => (await import('./capture-filter.ts')).captureFilterCommand(options, io));

  program
    .command('schedule')
    .description('run the job on a cron expression until stopped')
    .addOption(configs())
    .option('-o, --out <dir>', 'the output tree, instead of the configured one')
    .option('--only <site>', 'of many sites: just this one; repeatable', all)
    .option('--shard <i/n>', 'of many sites: every n-th, from the i-th on')
    .addOption(workers())
    .option('--cron <expression>', 'instead of the configured one')
    .option('--time-zone <name>', 'instead of the configured one')
    .option('--at-start', 'run once at once')
    .option(
      '--jitter <seconds>',
      'put each run off by up to this time, by chance',
      from(0, 3600, 'a number of seconds'),
    )
    .option('--listen <[address:]port>', 'answer /healthz, /readyz and /metrics there')
    .addOption(
      new Option('--log <form>', 'lines for people, or JSON').choices(['text', 'json']).default('text'),
    )
    .addOption(feed())
    .addOption(cache())
    .action(async (options) => (await import('./schedule.ts')).scheduleCommand(options, io));

  program
    .command('replay')
    .description('run the job over every weekly file of a directory, and print guards, changes and cost')
    .argument('<dir>')
    .option('-c, --config <file>', 'the configuration (default: one for the private network connector)')
    .option(
      '--accept <guard,...>',
      'accept the refusals of a guard in every week, or in one (2022-10-17:new-space)',
      list,
    )
    .option('--every-tag', 'judge every service tag of the feed instead of the configured rules')
    .option('--longest-gap <days>', 'after a hole of more days begin anew', days)
    .option('--markdown', 'the report as Markdown')
    .addOption(json())
    .action(async (directory: string, options) =>
      (await import('./replay.ts')).replayCommand(directory, options, io),
    );

  program
    .command('serve')
    .description(
      'serve an output tree over HTTP(S) to devices that pull: PAC files, external lists, `load URL`',
    )
    .argument('<dir>', 'the output tree')
    .option('--listen <[address:]port>', 'where to listen', '127.0.0.1:8080')
    .option('--client <cidr>', 'who may ask; repeatable; everybody by default', all)
    .option('--user <name>', 'asks for this user and a password (HTTP basic authentication)')
    .option('--password-file <file>', 'its password; else the variable AZURE_ALLOWLIST_SERVE_PASSWORD')
    .option('--tls-cert <file>', 'a PEM certificate with its chain: serves HTTPS')
    .option('--tls-key <file>', 'its key')
    .option('--client-ca <file>', 'clients must show a certificate of this authority')
    .action(async (directory: string, options) =>
      (await import('./serve.ts')).serveCommand(directory, options, io),
    );

  const device = () => [
    new Option('--target <id>', 'nftables, iptables, dnsmasq, squid, haproxy or nginx').makeOptionMandatory(),
    new Option(
      '--state <dir>',
      'where the files are kept; TARGET/current in it leads to those in force',
    ).default('/var/lib/azure-allowlist'),
  ];
  const load = program
    .command('load')
    .description(
      'on the device: fetch, prove, check and load the files of a target, and go back if that fails',
    )
    .argument('<dir|url>', 'an output tree: a directory, REVISION:PATH in git, or the URL it is served at')
    .option('--public-key <file>', 'load only what is signed with its private key (sign.key)')
    .option('--confirm <time>', 'go back unless `confirm` is run within this time (60s, 5m)', seconds)
    .option(
      '--probe <host:port>',
      'must be reachable after the load, or it is taken back',
      (text, all: string[] = []) => [...all, text],
    )
    .option('--probe-command <command>', 'must succeed after the load, or it is taken back')
    .option('--program-config <file>', "the program's own configuration, which includes the files")
    .option('--reload <command>', 'makes the program take the files, instead of its usual command')
    .addOption(
      new Option('--xtables <backend>', "of iptables and dnsmasq; the system's own by default").choices([
        'nft',
        'legacy',
      ]),
    )
    .addOption(json())
    .action(async (source: string, options) => (await import('./load.ts')).loadCommand(source, options, io));
  program
    .command('rehearse')
    .description(
      'load the files of nftables, iptables, dnsmasq or squid in network namespaces, and send a request to every edge',
    )
    .argument('<planned>', 'an output tree: a directory, REVISION:PATH in git, or the URL it is served at')
    .argument('[in-force]', 'the tree before; the planned files are loaded over its files')
    .addOption(new Option('--target <id>', 'nftables, iptables, dnsmasq or squid').makeOptionMandatory())
    .addOption(
      new Option('--xtables <backend>', "of iptables and dnsmasq; the system's own by default").choices([
        'nft',
        'legacy',
      ]),
    )
    .addOption(json())
    .action(async (planned: string, inForce: string | undefined, options) =>
      (await import('./rehearse.ts')).rehearseCommand(planned, inForce, options, io),
    );
  const confirm = program
    .command('confirm')
    .description('on the device: make a load final that waits to be confirmed')
    .action(async (options) => (await import('./load.ts')).confirmCommand(options, io));
  const takeBack = program
    .command('take-back')
    .description(
      'on the device: take back a load that was not confirmed or was cut off, say after a crash, at boot',
    )
    .option('--after <time>', 'wait this long first', seconds)
    .action(async (options) => (await import('./load.ts')).takeBackCommand(options, io));
  for (const command of [load, confirm, takeBack]) for (const option of device()) command.addOption(option);

  const endpoints = program.command('endpoints').description('the tables of required host names');
  endpoints
    .command('list')
    .description('the bundled tables: cloud, rows, date of the source, optional groups')
    .addOption(json())
    .action(async (options) => (await import('./endpoints-list.ts')).endpointsListCommand(options, io));
  endpoints
    .command('show')
    .description('one table: its sources, optional groups and rows')
    .argument('<table>', 'the id of a bundled table, or the path of one of your own')
    .addOption(json())
    .action(async (table: string, options) =>
      (await import('./endpoints-list.ts')).endpointsShowCommand(table, options, io),
    );
  endpoints
    .command('check')
    .description("compare a Markdown table of Microsoft's documentation with a bundled table")
    .argument('<file|folder|url>')
    .option('--table <id>', 'the bundled table', 'private-network-connector')
    .addOption(json())
    .action(async (source: string, options) =>
      (await import('./endpoints-check.ts')).endpointsCheckCommand(source, options, io),
    );
  for (const command of [...program.commands, ...endpoints.commands]) command.exitOverride();
  return program;
}

try {
  await build().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version come as errors of status 0; commander has printed its message.
    io.setStatus(error.exitCode === 0 ? EXIT_STATUS.done : EXIT_STATUS.configuration);
  } else if (error instanceof AllowlistError) {
    io.err(`azure-allowlist: ${error.message}`);
    io.setStatus(error.exitStatus);
  } else {
    io.err(
      `azure-allowlist: unexpected failure, please report it: ${(error as Error).stack ?? String(error)}`,
    );
    io.setStatus(EXIT_STATUS.failed);
  }
}

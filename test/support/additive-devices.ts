import type { Target } from '../../src/targets/catalog.ts';
import { CiscoDevice, JunosDevice, JunosRouter } from './command-devices.ts';
import { FortiGate } from './forti-os.ts';
import { PanOsDevice } from './pan-os.ts';

/** A device to which loading files only adds, but for what they take back. */
export interface AdditiveDevice {
  readonly take: (files: ReadonlyMap<string, string>) => void;
  /** Everything of ours that it holds: equal states behave alike. */
  readonly state: () => readonly string[];
}

const textOf = (files: ReadonlyMap<string, string>) => [...files.values()].join('');

/** The devices with a model of their own. Any other format is taken for lines, and blocks of indented lines. */
const MODELS: Readonly<Record<string, () => AdditiveDevice>> = {
  'cisco-asa': cisco,
  'cisco-ios': cisco,
  junos: () => {
    const device = new JunosDevice();
    return { take: (files) => device.commit(textOf(files)), state: () => device.state };
  },
  'junos-filter': () => {
    const device = new JunosRouter();
    return { take: (files) => device.commit(textOf(files)), state: () => device.state };
  },
  fortigate: () => {
    const device = new FortiGate();
    return { take: (files) => device.run(files.get('azure.conf')!), state: () => device.state };
  },
  paloalto: () => {
    const device = new PanOsDevice();
    const paste = (text: string, mayMiss: boolean) => {
      const answers = device.paste(text);
      if (answers.length > 0 && !mayMiss) throw new Error(answers.join('\n'));
    };
    return {
      take: (files) => {
        paste(files.get('azure-update.set')!, true);
        paste(files.get('azure.set')!, false);
        const problems = device.commit();
        if (problems.length > 0) throw new Error(problems.join('\n'));
      },
      state: () => device.state,
    };
  },
};

function cisco(): AdditiveDevice {
  const device = new CiscoDevice();
  return { take: (files) => device.run(textOf(files)), state: () => device.state };
}

/**
 * A new device for the files of a target that is additive.
 * @throws Error where it has no model, and its manifest does not say how a line is taken back
 */
export function newAdditiveDevice({ manifest, where }: Target): AdditiveDevice {
  const model = MODELS[manifest.id];
  if (model !== undefined) return model();
  if (manifest.undo === undefined) throw new Error(`${where}: write a model of the device`);
  return lineDevice(manifest.undo);
}

/** Holds each line that it was given, with the block it stands in, until the line or its block is taken back. */
function lineDevice({ word, instead }: NonNullable<Target['manifest']['undo']>): AdditiveDevice {
  const held = new Set<string>();
  const takeBack = (line: string) => {
    for (const one of held)
      if (one === line || one.startsWith(`${line} `) || one.startsWith(`${line}\n`)) held.delete(one);
  };
  return {
    take: (files) => {
      let block = '';
      for (const raw of textOf(files).split('\n')) {
        if (raw === '' || /^[!#]/.test(raw)) continue;
        const isInside = /^\s/.test(raw);
        const line = raw.trim();
        const isTakenBack = line.startsWith(`${word} `);
        const plain = isTakenBack
          ? `${instead === undefined ? '' : `${instead} `}${line.slice(word.length + 1)}`
          : line;
        const place = isInside ? `${block}\n${plain}` : plain;
        if (isTakenBack) takeBack(place);
        else held.add(place);
        if (!isInside) block = plain;
      }
    },
    state: () => [...held].sort(),
  };
}

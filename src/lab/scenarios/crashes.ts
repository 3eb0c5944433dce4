/**
 * The wiki page's example while muster is killed (`kill -9`) three times at random moments of it: it must end as if nothing
 * had happened, with 300 instances launched, none twice and none left over.
 */
import { sleep } from '../watch.ts';
import type { Scenario, ScenarioWorld } from '../world.ts';
import { wiki2020 } from './wiki-2020.ts';

const KILLS = 3;

/** Between two kills, at most: all of them fall into the launches, the boots and the give-backs. */
const APART_MS = 7_000;

export const crashes: Scenario = {
  ...wiki2020,
  name: 'crashes',
  summary: 'The same as wiki-2020 while muster is killed three times at random moments',
  async run(world) {
    let kills: Promise<void> = Promise.resolve();
    const muster: ScenarioWorld['muster'] = {
      ...world.muster,
      async start(files) {
        await world.muster.start(files);
        kills = killNowAndThen(world);
        // Awaited below. When the phases fail before, the lab is taken down under it, and theirs is the failure to tell.
        kills.catch(() => undefined);
      },
    };
    const phases = await wiki2020.run({ ...world, muster });
    await kills;
    return phases;
  },
};

async function killNowAndThen({ muster, clock, progress }: ScenarioWorld): Promise<void> {
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const ms = Math.round(Math.random() * APART_MS);
    await sleep(clock, ms);
    progress({ kind: 'step', text: `kill -9 of muster, number ${kill}, after ${ms} ms` });
    await muster.kill(wiki2020.spec.files);
  }
}

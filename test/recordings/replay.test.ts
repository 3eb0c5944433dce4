/**
 * The model of Slurm against recordings of the real one: every story again, the same commands at the same moments.
 *
 * Hook calls must be the same, argument and resume file, in the same order. Every node and every job must pass through
 * the same states with the same reasons, each change within `toleranceSeconds` of the real one (the daemons' loops have
 * phases of their own; compare.ts says what may be missing). What sinfo and squeue print must be the same text, but for
 * the TIME column.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { difference, toleranceSeconds, tracks, untimed } from './compare.ts';
import { replayOnModel } from './model-world.ts';
import type { HookCall, Recording } from './story.ts';

const recordings = fs
  .readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.json'))
  .map(
    (file) =>
      JSON.parse(fs.readFileSync(path.join(import.meta.dirname, file), 'utf8')) as Recording,
  );

test('there are recordings to replay', () => {
  expect(recordings.length).toBeGreaterThan(15);
});

describe.each(recordings.map((recording) => [recording.story.name, recording] as const))(
  '%s',
  (_, recording) => {
    const real = recording.transcript;
    // What happened in the last moments of a recording may come a moment later on the model, or the other way round.
    const end = Math.max(...real.pictures.map(({ at }) => at)) - toleranceSeconds;

    test('the hooks are called alike', async () => {
      const { transcript } = await replayOnModel(recording, toleranceSeconds);
      const words = (call: HookCall) => ({
        verb: call.verb,
        hostlist: call.hostlist,
        file: call.file,
      });
      const certain = transcript.hooks.filter(({ at }) => at <= end).length;
      const count = Math.max(real.hooks.length, certain);
      expect(transcript.hooks.slice(0, count).map(words)).toEqual(real.hooks.map(words));
      for (const [index, call] of real.hooks.entries()) {
        expect(Math.abs((transcript.hooks[index]?.at ?? 0) - call.at)).toBeLessThanOrEqual(
          toleranceSeconds,
        );
      }
    });

    test('nodes and jobs pass through the same states', async () => {
      const { transcript } = await replayOnModel(recording, toleranceSeconds);
      const model = tracks(transcript, end);
      const want = tracks(real, end);
      expect([...model.keys()].toSorted()).toEqual([...want.keys()].toSorted());
      const different = [...want].map(([name, track]) => [
        name,
        difference(track, model.get(name) ?? []),
      ]);
      expect(different.filter(([, words]) => words !== null)).toEqual([]);
    });

    test('commands are answered alike', async () => {
      const { transcript } = await replayOnModel(recording, toleranceSeconds);
      for (const [index, { text }] of real.answers.entries()) {
        expect(transcript.answers[index]?.text.slice(0, text.length)).toBe(text);
        expect(transcript.answers[index]?.text === '').toBe(text === '');
      }
    });

    test('sinfo and squeue print the same, requeues and AdminComments too', async () => {
      const { pictures } = await replayOnModel(recording, toleranceSeconds);
      for (const { at, sinfo, squeue, jobs } of real.pictures) {
        const near = pictures.filter((picture) => Math.abs(picture.at - at) <= toleranceSeconds);
        expect(near.map((picture) => picture.sinfo)).toContain(sinfo);
        expect(near.map((picture) => untimed(picture.squeue))).toContain(untimed(squeue));
        if (jobs !== undefined) expect(near.map((picture) => picture.jobs)).toContain(jobs);
      }
    });
  },
);

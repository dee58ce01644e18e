/** What the model of a keeper is made of, and how a command on both is written. */
import type fc from 'fast-check';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import type { Update } from '../../src/model.ts';
import type { MovedClock } from '../support/buffer-fixtures.ts';
import type { Harness } from './keeper.ts';

export type ModelDelivery = {
  readonly id: string;
  readonly source: string;
  readonly receivedAt: number;
  state: 'accepted' | 'mapped' | 'skipped' | 'failed';
  kept: boolean;
};
export type ModelEvent = {
  id: string;
  readonly source: string;
  readonly delivery: ModelDelivery;
  readonly json: string;
  readonly time: number;
  readonly update: Update | undefined;
  state: 'waiting' | 'delivered' | 'dead';
  begun: boolean;
  leasedUntil: number;
  attempts: number;
  position: number;
};
export type Model = {
  readonly deliveries: ModelDelivery[];
  readonly events: ModelEvent[];
  readonly keys: Map<string, ModelDelivery>;
  /** By source: armed until a time, or the secret it learned. */
  readonly secrets: Map<string, { until: number } | { secret: string }>;
  duplicates: number;
  letters: number;
  replays: number;
};
export type Real = { keeper: BufferKeeper; readonly harness: Harness; readonly clock: MovedClock };
export type Command = fc.AsyncCommand<Model, Real>;

export const sources = ['a', 'b', 'c'];
/** Of two people, on two routes: keys must meet across deliveries, sources and routes. */
export const updates: readonly (Update | undefined)[] = [
  undefined,
  { route: 'profile', key: 'profile:1' },
  { route: 'profile_once', key: 'profile:1' },
  { route: 'profile', key: 'profile:2' },
];
/** A command that may always run, with its arguments as its name. */
export function command(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return { check: () => true, run, toString: () => name };
}

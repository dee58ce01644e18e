/** Every provider we know, by the name used in source.yaml. A further one is a file in `providers/` and a line here. */
import type { Provider } from './provider.ts';
import { custom } from './providers/custom.ts';
import { github } from './providers/github.ts';
import { shopify } from './providers/shopify.ts';
import { slack } from './providers/slack.ts';
import { standardWebhooks } from './providers/standard-webhooks.ts';
import { stripe } from './providers/stripe.ts';

const known: readonly Provider[] = [standardWebhooks, stripe, github, shopify, slack, custom];

export const providers: ReadonlyMap<string, Provider> = new Map(known.map((provider) => [provider.name, provider]));

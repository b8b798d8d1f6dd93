/** Seed of every test that draws: the same in each `npm test`, others in `npm run soak` and with `SEED=<n>`. */

export const SEED = Number(process.env['SEED'] ?? 20_261);

/**
 * Version of the project, as the broker, its contract and the SDK tell it. A test holds it to `package.json`; it is written
 * here too because importing that file would put all of it into every bundle.
 */

export const VERSION: string = '0.1.0';

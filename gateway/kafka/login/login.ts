/** Login of one connection: without SASL where the broker asks for no token, and by SASL PLAIN and OAUTHBEARER. */

import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { plainCredential, probe, type Credential } from './credentials.ts';
import { bearerCredential, endOfToken } from './oauth-bearer.ts';

/** What reads the message of each. */
const MECHANISMS: Readonly<Record<string, typeof plainCredential>> = {
  PLAIN: plainCredential,
  OAUTHBEARER: bearerCredential,
};

export interface LoginSettings {
  /** Of the broker. */
  url: string;
  /** Where the user does not say another. */
  namespace: string;
  /** The client is on this machine. */
  isFromHere: boolean;
}

export class Login {
  readonly #settings: LoginSettings;
  /** Of the mechanism that the client has chosen. */
  #read: typeof plainCredential | null = null;
  #endsMs = Infinity;
  #credential: Credential | null = null;
  #anonymous: Promise<Credential | null> | null = null;

  constructor(settings: LoginSettings) {
    this.#settings = settings;
  }

  /** Null if the client has to log in first. */
  async credential(): Promise<Credential | null> {
    if (this.#credential) return this.#credential;
    this.#anonymous ??= this.#withoutLogin();
    return await this.#anonymous;
  }

  /** The token has ended, and the client has not brought another. */
  get hasEnded(): boolean {
    return Date.now() >= this.#endsMs;
  }

  handshake({ mechanism }: { mechanism: string }): object {
    this.#read = Object.hasOwn(MECHANISMS, mechanism) ? MECHANISMS[mechanism]! : null;
    return {
      errorCode: this.#read ? ERRORS.NONE : ERRORS.UNSUPPORTED_SASL_MECHANISM,
      mechanisms: Object.keys(MECHANISMS),
    };
  }

  /** A client that logs in again stays in the namespace where it is. */
  async authenticate({ authBytes }: { authBytes: Uint8Array }): Promise<object> {
    if (this.#read === null) return refusal(ERRORS.ILLEGAL_SASL_STATE, 'SaslHandshake comes first');
    const credential = this.#read(authBytes, this.#settings.namespace);
    this.#read = null;
    if (credential === null) {
      const expected = 'expected a user and a token as the password, or a token as the bearer';
      return refusal(ERRORS.SASL_AUTHENTICATION_FAILED, expected);
    }
    if (this.#credential !== null && this.#credential.namespace !== credential.namespace) {
      return refusal(ERRORS.SASL_AUTHENTICATION_FAILED, 'the namespace of a connection stays');
    }
    const problem = await this.#problemOf(credential);
    if (problem !== null)
      return refusal(ERRORS.SASL_AUTHENTICATION_FAILED, `the login was refused (${problem})`);
    this.#credential = credential;
    const endsMs = endOfToken(credential.token);
    this.#endsMs = endsMs ?? Infinity;
    const sessionLifetimeMs = endsMs === null ? 0 : Math.max(1, endsMs - Date.now());
    return { errorCode: ERRORS.NONE, errorMessage: null, sessionLifetimeMs };
  }

  /** Without tokens any user and password are as good as none. */
  async #problemOf(credential: Credential): Promise<string | null> {
    const isOpen =
      this.#settings.isFromHere && (await probe(this.#settings.url, { ...credential, token: null })) === null;
    if (!isOpen) return await probe(this.#settings.url, credential);
    credential.token = null;
    return null;
  }

  async #withoutLogin(): Promise<Credential | null> {
    const { url, namespace, isFromHere } = this.#settings;
    const nobody = { namespace, token: null };
    return isFromHere && (await probe(url, nobody)) === null ? nobody : null;
  }
}

const refusal = (errorCode: number, errorMessage: string): object => ({ errorCode, errorMessage });

/** Login of one connection: without SASL where the broker asks for no token, and by SASL PLAIN. */

import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { plainCredential, probe, type Credential } from './credentials.ts';

const MECHANISMS = ['PLAIN'];

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
  #isShaken = false;
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

  handshake({ mechanism }: { mechanism: string }): object {
    this.#isShaken = MECHANISMS.includes(mechanism);
    return {
      errorCode: this.#isShaken ? ERRORS.NONE : ERRORS.UNSUPPORTED_SASL_MECHANISM,
      mechanisms: MECHANISMS,
    };
  }

  /** A client that logs in again stays in the namespace where it is. */
  async authenticate({ authBytes }: { authBytes: Uint8Array }): Promise<object> {
    if (!this.#isShaken) return refusal(ERRORS.ILLEGAL_SASL_STATE, 'SaslHandshake comes first');
    this.#isShaken = false;
    const credential = plainCredential(authBytes, this.#settings.namespace);
    if (credential === null) {
      return refusal(ERRORS.SASL_AUTHENTICATION_FAILED, 'expected a user and a token as the password');
    }
    const problem = await this.#problemOf(credential);
    if (problem !== null)
      return refusal(ERRORS.SASL_AUTHENTICATION_FAILED, `the login was refused (${problem})`);
    this.#credential = credential;
    return { errorCode: ERRORS.NONE, errorMessage: null };
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

/** The entry of the dashboard: the frame around the page that the address names. */

import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { askForSessions, connection, hasSessions, isLoginNeeded, logOut } from './data/api.ts';
import { AccessPage } from './pages/access.tsx';
import { AlertsPage } from './pages/alerts.tsx';
import { CostPage } from './pages/cost.tsx';
import { DeadLettersPage } from './pages/dead-letters.tsx';
import { GroupsPage } from './pages/groups.tsx';
import { HomePage } from './pages/home.tsx';
import { LoginPage } from './pages/login.tsx';
import { PoliciesPage } from './pages/policies.tsx';
import { QueuePage } from './pages/queue.tsx';
import { RoutingPage } from './pages/routing.tsx';
import { SchedulesPage } from './pages/schedules.tsx';
import { HooksPage } from './pages/hooks.tsx';
import { SubscriptionsPage } from './pages/subscriptions.tsx';
import { TopicPage } from './pages/topic.tsx';
import { TransactionsPage } from './pages/transactions.tsx';
import { textOf } from './parts/form.ts';
import { hrefOf, route, SECTIONS, type Route, type Section } from './route.ts';

function App() {
  const now = route.value;
  const title = titleOf(now);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} · Posthorn`;
    // A screen reader says what has come; the first page it reads anyway.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [title]);
  return (
    <>
      <header class="top">
        <a class="brand" href={hrefOf({ page: 'home', namespace: now.namespace })}>
          Posthorn
        </a>
        <NamespaceField namespace={now.namespace} />
        {hasSessions.value && !isLoginNeeded.value && <SignOut />}
        <Sections now={now} />
      </header>
      <div role="status" class="banner-place">
        {connection.value === 'lost' && (
          <p class="banner">The broker does not answer. This page tries again by itself.</p>
        )}
      </div>
      <main ref={main} tabIndex={-1} key={location.hash}>
        {isLoginNeeded.value ? <LoginPage /> : <Page route={now} />}
      </main>
    </>
  );
}

function Page({ route: now }: { route: Route }) {
  switch (now.page) {
    case 'home':
      return <HomePage namespace={now.namespace} />;
    case 'queue':
      return <QueuePage namespace={now.namespace} queue={now.name} />;
    case 'dead-letters':
      return <DeadLettersPage namespace={now.namespace} queue={now.name} />;
    case 'topic':
      return <TopicPage namespace={now.namespace} topic={now.name} />;
    case 'routing':
      return <RoutingPage namespace={now.namespace} name={now.name} />;
    case 'groups':
      return <GroupsPage namespace={now.namespace} name={now.name} />;
    case 'subscriptions':
      return <SubscriptionsPage namespace={now.namespace} name={now.name} />;
    case 'hooks':
      return <HooksPage namespace={now.namespace} name={now.name} />;
    case 'schedules':
      return <SchedulesPage namespace={now.namespace} name={now.name} />;
    case 'transactions':
      return <TransactionsPage namespace={now.namespace} name={now.name} />;
    case 'alerts':
      return <AlertsPage namespace={now.namespace} name={now.name} />;
    case 'policies':
      return <PoliciesPage namespace={now.namespace} name={now.name} />;
    case 'access':
      return <AccessPage namespace={now.namespace} name={now.name} />;
    case 'cost':
      return <CostPage namespace={now.namespace} />;
  }
}

function titleOf(now: Route): string {
  if (now.page === 'home') return now.namespace;
  if (now.page === 'dead-letters') return `Dead letters of ${now.name}`;
  return now.name ?? SECTIONS[now.page as Section];
}

function Sections({ now: { page, namespace } }: { now: Route }) {
  return (
    <nav class="sections" aria-label="Pages">
      <a href={hrefOf({ page: 'home', namespace })} aria-current={page === 'home' ? 'page' : undefined}>
        Home
      </a>
      {(Object.keys(SECTIONS) as Section[]).map((each) => (
        <a
          key={each}
          href={hrefOf({ page: each, namespace })}
          aria-current={page === each ? 'page' : undefined}
        >
          {SECTIONS[each]}
        </a>
      ))}
    </nav>
  );
}

function NamespaceField({ namespace }: { namespace: string }) {
  const open = (event: Event): void => {
    event.preventDefault();
    const name = textOf(event, 'namespace');
    if (name !== '') location.hash = hrefOf({ page: 'home', namespace: name });
  };
  return (
    <form class="namespace" onSubmit={open}>
      <label>
        Namespace <input name="namespace" defaultValue={namespace} key={namespace} spellcheck={false} />
      </label>
    </form>
  );
}

function SignOut() {
  return (
    <button type="button" class="quiet" onClick={() => void logOut()}>
      Log out
    </button>
  );
}

askForSessions().catch(() => {}); // the page says it itself when the broker does not answer
render(<App />, document.getElementById('app')!);

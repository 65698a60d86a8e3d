import { lazy, Suspense, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { liveStore } from './api/live.ts'
import { meStore, useWho } from './api/me.ts'
import { Overlays } from './frame/overlays.tsx'
import { Loading } from './parts/loading.tsx'
import { goInstead, loginAddress, useAddress, usePlace } from './router.ts'

const loadTerminal = () => import('./pages/terminal.tsx')
const loadShell = () => import('./shell.tsx')
const TerminalPage = lazy(() => loadTerminal().then((module) => ({ default: module.TerminalPage })))
const Shell = lazy(() => loadShell().then((module) => ({ default: module.Shell })))

// Whoever enters an address waits for that page: not for one load after the other, nor for who they are.
void (location.pathname.startsWith('/t/') ? loadTerminal() : loadShell())
void meStore.load()

/** So long after a terminal is there the rest is fetched, for the way back from it. */
const REST_AFTER = 3_000

/** Who asks decides what is shown before where they are does. */
export function App() {
  const { t } = useTranslation()
  const { state } = useWho()
  const place = usePlace()
  const address = useAddress()
  useEffect(() => (state === 'in' ? liveStore.start() : undefined), [state])
  const instead =
    place.page === 'login'
      ? state === 'in' && !place.token && place.next
      : state === 'out' && loginAddress(address)
  useEffect(() => {
    if (instead) goInstead(instead)
  }, [instead])
  // A terminal asks for its session at once: whoever may not have it is refused there too.
  const terminal = place.page === 'terminal' && (state === 'in' || state === 'loading')
  useEffect(() => {
    if (!terminal) return
    const timer = setTimeout(loadShell, REST_AFTER)
    return () => clearTimeout(timer)
  }, [terminal])
  return (
    <>
      {state === 'in' && place.page !== 'login' && <Overlays />}
      {terminal ? (
        <Loading words={t('terminal.loading')}>
          <TerminalPage uid={place.uid} watch={place.watch} />
        </Loading>
      ) : (
        <Suspense>
          <Shell place={place} />
        </Suspense>
      )}
    </>
  )
}

import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { getResources, type Resources, type Server } from '../api/servers.ts'
import { ProblemNotice } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import { HostFacts } from './host-facts.tsx'
import { type Meter, meters } from './meters.ts'

/** Load of the server, asked when somebody wants to see it. */
export function ResourcesBox({ server }: { server: Server }) {
  const { t } = useTranslation()
  const [data, setData] = useState<Resources | null>(null)
  const { busy, problem, run } = useAction()
  return (
    <section aria-labelledby="server-resources">
      <header className="part-head">
        <h2 id="server-resources">{t('server.resources')}</h2>
        <span className="gap" />
        <Button
          size="small"
          loading={busy}
          onClick={() => run(async () => setData(await getResources(server.id)))}
        >
          {data ? t('server.resources.again') : t('server.resources.ask')}
        </Button>
      </header>
      {!data && !problem && <p className="soft">{t('server.resources.lead')}</p>}
      <ProblemNotice problem={problem} />
      {data && <HostFacts facts={data.facts} />}
      {data && (
        <ul className="meters">
          {meters(data).map((meter) => (
            <li key={meter.name}>
              <MeterLine meter={meter} />
            </li>
          ))}
        </ul>
      )}
      {Object.entries(data?.errors ?? {}).map(([name, why]) => {
        const measure = MEASURES.find((one) => one === name)
        return (
          <p key={name} className="field-error">
            {measure ? t(`server.resources.${measure}`) : name}: {why}
          </p>
        )
      })}
    </section>
  )
}

const MEASURES = ['cpu', 'memory', 'disks', 'connection'] as const

function MeterLine({ meter }: { meter: Meter }) {
  const { t } = useTranslation()
  const name = meter.kind === 'disk' ? meter.name : t(`server.resources.${meter.kind}`)
  return (
    <>
      <span className="meter-name">{name}</span>
      <meter aria-label={name} min={0} max={100} high={85} optimum={0} value={meter.percent} />
      <span className="number">{t('server.resources.percent', { n: Math.round(meter.percent) })}</span>
      {meter.more && <span className="soft number">{meter.more}</span>}
    </>
  )
}

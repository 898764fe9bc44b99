/** A component that is drawn again only when its props say something new (preact/compat's memo, without the rest of it). */
import { Component, createElement, type FunctionComponent, type VNode } from "preact";

export function memo<P extends object>(draw: FunctionComponent<P>, same: (a: P, b: P) => boolean): FunctionComponent<P> {
  class Kept extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      return !same(this.props as P, next as P);
    }
    override render(props: P): VNode<object> {
      return createElement(draw as FunctionComponent<object>, props);
    }
  }
  return Kept as unknown as FunctionComponent<P>;
}

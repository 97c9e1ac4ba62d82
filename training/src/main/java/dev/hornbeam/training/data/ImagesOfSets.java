package dev.hornbeam.training.data;

import dev.hornbeam.training.image.PixelImage;
import java.util.List;

/** The images of several sets, one set after the other. */
record ImagesOfSets(List<ImageSet> sets) implements ImageSource {
    ImagesOfSets {
        sets = List.copyOf(sets);
    }

    /** A set and a position in it. */
    private record Member(ImageSet set, int position) {}

    private Member member(int place) {
        int position = place;
        for (ImageSet set : sets) {
            if (position < set.size()) {
                return new Member(set, position);
            }
            position -= set.size();
        }
        throw new IndexOutOfBoundsException(place);
    }

    @Override
    public PixelImage image(int place) {
        Member member = member(place);
        return member.set.original(member.position);
    }

    @Override
    public String describe(int place) {
        Member member = member(place);
        return member.set.describe(member.position);
    }

    @Override
    public String identity(int place) {
        Member member = member(place);
        return member.set.identity(member.position);
    }
}
